package connections

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Read reads a file of connections and their credentials once, for a check by a person.
// cacheTTL is that of the provider that the file is for. dir returns the folder of a
// connection's credential, given its name and the folder in the file. The error is Problems
// if the file was read and is invalid. The Credential of each connection says what is wrong
// with it.
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

// Dir returns the folder of the connection's credential.
func (c *Connection) Dir() string { return c.dir }

// Rules returns the connection's rules, one line for each, for people.
func (c *Connection) Rules() []string {
	var lines []string
	for _, r := range c.rules {
		lines = append(lines, r.String())
	}
	return lines
}

// NotCoveredBy returns, as lines for people, the rules of c that allow something that
// another connection may not allow. A pattern certainly covers an equal one, and the
// pattern for everything covers all. What c allows by these rules has no fallback, or only
// part of it has.
func (c *Connection) NotCoveredBy(other *Connection) []string {
	var lines []string
	for _, r := range c.rules {
		if !r.CoveredBy(other.rules) {
			lines = append(lines, r.String())
		}
	}
	return lines
}

// ProbePath returns a path that the first rule allows, and at which there is probably no
// secret: reading it shows whether the credential has the right to read there.
func (c *Connection) ProbePath() string { return c.rules[0].Example() }
