// SPDX-License-Identifier: Apache-2.0

// Package policy answers questions about the rules of connections, by the provider's own code: who
// may read a path, whether expectations hold, and which rules are the smallest for what was read.
package policy

import (
	"maps"
	"slices"
	"strings"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/config"
	"ovhcloud-csi-provider/provider/rules"
)

// Connections are the connections of a file by name.
type Connections map[string]config.Connection

// Reader is who may read a path by one rule.
type Reader struct {
	Connection      string   `json:"connection"`
	Rule            int      `json:"rule"` // its place in the connection's allow, from 0
	Namespaces      []string `json:"namespaces"`
	ServiceAccounts []string `json:"serviceAccounts"`
	Paths           []string `json:"paths"` // the patterns that allow it
	// FallbackOf are the connections that may be answered by this one.
	FallbackOf []string `json:"fallbackOf,omitempty"`
}

// WhoCan returns who may read a secret, or all secrets below a folder if the path ends in a slash.
// The error is what is wrong with the path.
func (c Connections) WhoCan(path string) ([]Reader, error) {
	if err := checkPath(path); err != nil {
		return nil, err
	}
	var all []Reader
	for _, name := range slices.Sorted(maps.Keys(c)) {
		for i, rule := range c[name].Rules {
			var by []string
			for _, pattern := range rule.Paths {
				if allows(rules.Rule{Paths: []rules.Pattern{pattern}}, path) {
					by = append(by, pattern.String())
				}
			}
			if by != nil {
				all = append(all, Reader{name, i, rule.Namespaces, rule.Accounts, by, c.primaries(name)})
			}
		}
	}
	return all, nil
}

// primaries returns the connections whose fallback has the name.
func (c Connections) primaries(fallback string) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(c)) {
		if c[name].Fallback == fallback {
			names = append(names, name)
		}
	}
	return names
}

// checkPath returns what is wrong with the path of a secret or a folder.
func checkPath(path string) error {
	if folder := strings.TrimSuffix(path, "/"); folder != "" || path == "" {
		return class.CheckSecretPath(folder)
	}
	return nil
}

// allows reports whether a rule allows a path, or all that is below a folder, to its callers.
func allows(rule rules.Rule, path string) bool {
	if folder, is := strings.CutSuffix(path, "/"); is {
		return rule.AllowsBelow(folder)
	}
	return rule.Allows(path)
}
