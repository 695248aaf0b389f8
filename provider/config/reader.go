// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/provider/strictmap"
	"ovhcloud-csi-provider/provider/yamlnode"
)

// reader parses the file and collects its problems.
type reader struct {
	cacheTTL time.Duration
	problems Problems
	misspelt []string // the valid fields that unknown ones were probably meant to be
	// fallbacks are the nodes of the field fallback, by the name of the connection that has it.
	fallbacks map[string]*yamlnode.Node
}

// wrong adds a problem at the line of n. where is the path of the field, empty for the file.
func (r *reader) wrong(n *yamlnode.Node, where, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if where != "" {
		text = where + ": " + text
	}
	r.problems = append(r.problems, Problem{Line: n.Line, Text: text})
}

// field adds the problem of a field, and remembers whether the field is missing.
func (r *reader) field(n *yamlnode.Node, where string, err error) {
	r.wrong(n, where, "%s", err)
	if errors.Is(err, message.ErrMissing) {
		r.problems[len(r.problems)-1].missing = where
	}
}

var connectionName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// fields returns the values of a map by name. A name must be in valid; if valid is nil, it must
// be a valid name of a connection.
func (r *reader) fields(n *yamlnode.Node, where string, valid []string) map[string]*yamlnode.Node {
	all := map[string]*yamlnode.Node{}
	if !yamlnode.IsMap(n) {
		r.wrong(n, where, "is %s, not a map", yamlnode.Describe(n))
		return all
	}
	taken := strictmap.Names(n)
	strictmap.Map{
		Unknown: func(key *yamlnode.Node) string {
			switch {
			case valid == nil && !connectionName.MatchString(key.Value):
				return "is not a valid name of a connection; use at most 63 lower case letters, digits and -"
			case valid != nil && !slices.Contains(valid, key.Value):
				return r.unknown(key, where, valid, taken)
			}
			return ""
		},
		Wrong: func(key *yamlnode.Node, name, what string) {
			r.wrong(key, strings.Trim(where+"."+name, "."), "%s", what)
		},
	}.Each(n, func(key, value *yamlnode.Node) { all[key.Value] = value })
	return all
}

// unknown returns the problem of an unknown field, with a cure, and notes which one is meant.
func (r *reader) unknown(key *yamlnode.Node, where string, valid []string, taken map[string]bool) string {
	advice, meant := adviseOn(key.Value, valid, taken)
	if key.Value == fieldOfChart {
		meant, advice = fieldDir, "it belongs in the Helm chart's values; write "+fieldDir+
			" here. The chart's ConfigMap has the file to check (ovhcsi connections check --help)"
	}
	r.misspelt = append(r.misspelt, strings.TrimPrefix(where+"."+meant, "."))
	if meant == place.FieldEndpoint { // it replaces region
		r.misspelt = append(r.misspelt, where+"."+place.FieldRegion)
	}
	return "unknown field; " + advice
}
