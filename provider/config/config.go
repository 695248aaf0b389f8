// SPDX-License-Identifier: Apache-2.0

// Package config parses the administrator's file of connections into values, or into all its problems
// with their lines. It reads no file and no credential.
package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/provider/rules"
	"ovhcloud-csi-provider/provider/yamlnode"
)

// Connection is a connection of the file, without its credential.
type Connection struct {
	Name  string
	Place place.Domain
	// Dir is the folder with the credential's files.
	Dir string
	Outage
	// Rules say which pods may read which secrets; at least one.
	Rules []rules.Rule
}

// Outage has the settings of a connection for the time when its domain is unreachable or fails.
type Outage struct {
	// MaxStale is the greatest age of a stale secret; it counts only if HasMaxStale is set.
	MaxStale    time.Duration
	HasMaxStale bool
	// Fallback is the name of the connection that is read instead; "" for none.
	Fallback string
}

// maxConfig bounds the file in bytes.
const maxConfig = 1 << 20

// MaxConnections bounds the connections of the file. Each is a label value of metrics.
const MaxConnections = 200

// Parse returns the connections of the file by name. cacheTTL is the --cache-ttl of the
// daemon. The error is Problems.
func Parse(text string, cacheTTL time.Duration) (map[string]Connection, error) {
	whole := func(format string, args ...any) error { return Problems{{Text: fmt.Sprintf(format, args...)}} }
	if len(text) > maxConfig {
		return nil, whole("is %d bytes long; at most %d are read", len(text), maxConfig)
	}
	root, err := yamlnode.Document(text)
	if errors.Is(err, yamlnode.ErrEmpty) {
		return nil, whole("is empty; write connections: {…}")
	} else if err != nil {
		return nil, append(Problems{{Text: err.Error()}}, cut(text)...)
	}
	r := reader{cacheTTL: cacheTTL, fallbacks: map[string]*yamlnode.Node{}}
	specs := map[string]Connection{}
	fields := r.fields(root, "", []string{"connections"})
	if connections := fields["connections"]; connections != nil {
		for name, n := range r.fields(connections, "connections", nil) {
			specs[name] = r.connection(name, n)
		}
		r.checkFallbacks(specs)
		if len(specs) > MaxConnections {
			r.wrong(connections, "connections", "there are %d; at most %d are read", len(specs), MaxConnections)
		}
	} else if len(r.problems) == 0 {
		r.field(root, "connections", message.ErrMissing)
	}
	if r.problems = append(cut(text), r.problems...); len(r.problems) > 0 {
		r.problems = slices.DeleteFunc(r.problems, func(p Problem) bool { // a misspelt field is not missing
			return p.missing != "" && slices.Contains(r.misspelt, p.missing)
		})
		slices.SortStableFunc(r.problems, func(a, b Problem) int { return a.Line - b.Line })
		return nil, r.problems
	}
	return specs, nil
}

// cut returns the problem of a file whose last line has no line break; nil if it has one. A file
// that is cut within a line can be valid YAML and allow more: "- prod/**/public" becomes
// "- prod/**". A cut between two lines allows nothing more. It removes connections, rules and fields;
// without its maxStale, a connection has that of --max-stale.
func cut(text string) Problems {
	if strings.HasSuffix(text, "\n") {
		return nil
	}
	return Problems{{Text: "does not end in a line break, so it may have been cut; " +
		"write the whole file again, with a line break at its end"}}
}
