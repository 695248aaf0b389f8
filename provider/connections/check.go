package connections

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Read reads a file of connections and their credentials once, for a
// check by a person. cacheTTL is that of the provider that the file is for. dir
// says where the credential of a connection is, given its name and the folder that
// the file states. The error is Problems if the file was read and is wrong. Each
// connection's own Credential tells what is wrong there.
func Read(file string, cacheTTL time.Duration, dir func(name, stated string) string, now time.Time) ([]*Connection, error) {
	content, err := readFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	specs, err := parseConfig(string(content), cacheTTL)
	if err != nil {
		return nil, err
	}
	var all []*Connection
	for _, name := range slices.Sorted(maps.Keys(specs)) {
		s := specs[name]
		s.dir = dir(name, s.dir)
		all = append(all, successor(nil, s, now))
	}
	return all, nil
}

// Dir is the folder of the connection's credential.
func (c *Connection) Dir() string { return c.dir }

// Rules are the connection's rules, one line for each, for people.
func (c *Connection) Rules() []string {
	var lines []string
	for _, r := range c.rules {
		lines = append(lines, r.String())
	}
	return lines
}

// NotCoveredBy are the rules of c that allow what no rule of another connection is
// sure to allow too, as lines for people: a pattern is sure to cover its like, and
// the one that stands for everything covers all. What c allows by them has no
// fallback, or not all of it.
func (c *Connection) NotCoveredBy(other *Connection) []string {
	var lines []string
	for _, r := range c.rules {
		if !r.CoveredBy(other.rules) {
			lines = append(lines, r.String())
		}
	}
	return lines
}

// ProbePath is a path that the first rule allows, and at which there is hardly a
// secret: to see by a read whether the credential has the right to read there.
func (c *Connection) ProbePath() string { return c.rules[0].Example() }
