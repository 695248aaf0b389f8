// SPDX-License-Identifier: Apache-2.0

package connections

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"ovhcloud-csi-provider/provider/config"
)

// Read returns the connections of a file with their credentials, sorted by name, for a check by a
// person. cacheTTL is the --cache-ttl of the daemon. dir returns the folder of a connection's
// credential, from its name and its credentialsDir. The error is config.Problems if the file
// has errors. The error of a credential is that of Connection.Credential.
func Read(file string, cacheTTL time.Duration, dir func(name, stated string) string,
	now time.Time) ([]*Connection, error) {
	content, err := readFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	specs, err := config.Parse(string(content), cacheTTL)
	if err != nil {
		return nil, err
	}
	var all []*Connection
	for _, name := range slices.Sorted(maps.Keys(specs)) {
		s := specs[name]
		s.Dir = dir(name, s.Dir)
		all = append(all, successor(nil, s, now))
	}
	return all, nil
}

// Dir returns the folder of the connection's credential.
func (c *Connection) Dir() string { return c.spec.Dir }

// Rules returns the connection's rules for people, one line for each.
func (c *Connection) Rules() []string {
	var lines []string
	for _, r := range c.spec.Rules {
		lines = append(lines, r.String())
	}
	return lines
}

// NotCoveredBy returns, as lines for people, the rules of c that are not sure to be covered by the
// rules of other (see rules.Rule.CoveredBy). If other is the fallback of c, secrets of these
// rules may have no fallback. It is nil if all rules are covered.
func (c *Connection) NotCoveredBy(other *Connection) []string {
	var lines []string
	for _, r := range c.spec.Rules {
		if !r.CoveredBy(other.spec.Rules) {
			lines = append(lines, r.String())
		}
	}
	return lines
}

// ProbePath returns a path that the first rule allows and that is unlikely to hold a secret. A
// read of it shows whether the credential has the permission to read there.
func (c *Connection) ProbePath() string { return c.spec.Rules[0].Example() }
