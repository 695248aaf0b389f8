package auth

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// ReadConnections reads a file of connections and their credentials once, for a
// check by a person. cacheTTL is that of the provider that the file is for. dir
// says where the credential of a connection is, given its name and the folder that
// the file states. The error is Problems if the file was read and is wrong. Each
// connection's own Credential tells what is wrong there.
func ReadConnections(file string, cacheTTL time.Duration, dir func(name, stated string) string, now time.Time) ([]*Connection, error) {
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
		lines = append(lines, fmt.Sprintf("namespaces %s; service accounts %s; paths %s", strings.Join(r.namespaces, ", "),
			strings.Join(r.accounts, ", "), strings.Join(Grant{rules: []rule{r}}.Paths(), ", ")))
	}
	return lines
}

// ProbePath is a path that the first rule allows, and at which there is hardly a
// secret: to see by a read whether the credential has the right to read there.
func (c *Connection) ProbePath() string {
	const unlikely = "ovhcsi-connections-check"
	segments := slices.Clone(c.rules[0].paths[0])
	for i, segment := range segments {
		if segment == anySegments {
			segments[i] = unlikely
		} else {
			segments[i] = strings.ReplaceAll(segment, "*", unlikely)
		}
	}
	return strings.Join(segments, "/")
}
