// Package connections keeps the identities that the operator gives to the provider: the
// file that lists them, the folders of their credentials, and the rules on which pods may
// read what with them. It watches the file and the folders, and keeps the last good state
// of each connection in use.
package connections

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"ovhcloud-csi-provider/provider/credential"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/provider/rules"
)

// Connection is an identity of the provider: its domain, its credential, and which pods may
// read what with it. It is immutable.
type Connection struct {
	spec
	credential credential.Credential
	// narrowed are the newest rules, where place and credential are still those of
	// before: a mount must be allowed by both then. nil where spec is the newest.
	narrowed []rules.Rule
	// problem is why there is no credential, or why the newest one is not used.
	problem error
}

// Name returns the connection's name.
func (c *Connection) Name() string { return c.name }

// Place returns the domain of the connection. Its credential is sent nowhere else.
func (c *Connection) Place() place.Domain { return c.place }

// MaxStale returns how old a secret of the connection may be that is served while its
// domain is unreachable or fails: its own limit, or else the daemon's.
func (c *Connection) MaxStale(daemons time.Duration) time.Duration {
	if own, stated := c.OwnMaxStale(); stated {
		return own
	}
	return daemons
}

// OwnMaxStale returns the connection's own limit, if it has one.
func (c *Connection) OwnMaxStale() (d time.Duration, stated bool) {
	return c.maxStale, c.hasMaxStale
}

// Fallback returns the name of the connection to ask if this one's domain is unreachable or
// fails, "" for none.
func (c *Connection) Fallback() string { return c.fallback }

// Credential returns the last valid one. The error says why there is none; it is for the
// operator, not for users.
func (c *Connection) Credential() (credential.Credential, error) {
	if c.credential.Kind() == "" {
		return credential.Credential{}, c.problem
	}
	return c.credential, nil
}

// Grant returns what the connection allows to the pods of a service account.
func (c *Connection) Grant(namespace, account string) rules.Grant {
	g := rules.For(c.rules, namespace, account)
	if c.narrowed != nil {
		g = g.And(rules.For(c.narrowed, namespace, account))
	}
	return g
}

// Reload is one change of the connections, valid or not.
type Reload struct {
	// Connection is empty for the file itself.
	Connection string
	// Source is the file or folder that changed.
	Source string
	// Credential names the credential in use, without any secret part. It is empty for
	// none.
	Credential string
	// Removed says that the connection is not in the file any more.
	Removed bool
	// Err is why the new state is not in use; nil if it is. Kept says that the last
	// good state stays in use then.
	Err  error
	Kept bool
}

// Status is the state of all connections, for readiness and metrics.
type Status struct {
	// File is the file that was to be read, Problem why its newest state is not in
	// use (nil if it is), Good and Bad how often it was changed for a state that is
	// in use or not.
	File        string
	Problem     error
	Good, Bad   int
	Connections []ConnectionStatus // by name
}

// ConnectionStatus is the state of one connection.
type ConnectionStatus struct {
	Name      string
	Source    string
	Problem   error
	Usable    bool // it has a credential
	Expires   time.Time
	Good, Bad int
}

// Err returns nil if everything that was read last is in use, else what is not and why.
func (s Status) Err() error {
	var all []error
	if s.Problem != nil {
		all = append(all, fmt.Errorf("%s: %w", s.File, s.Problem))
	}
	for _, c := range s.Connections {
		if c.Problem != nil {
			all = append(all, fmt.Errorf("connection %q: %s: %w", c.Name, c.Source, c.Problem))
		}
	}
	return errors.Join(all...)
}

// Options of Open. File is required.
type Options struct {
	// File is the YAML file of the connections.
	File string
	// CacheTTL is the daemon's, which each maxStale must exceed.
	CacheTTL time.Duration
	// Notify is called for each change, one at a time. nil is not called.
	Notify func(Reload)
	// Now is the clock that certificates are checked against; nil is the system's.
	Now func() time.Time
	// Ticks returns the times at which everything is read again even if no change was seen,
	// until it is stopped. nil is once a minute.
	Ticks func() (ticks <-chan time.Time, stop func())
}

// Set is the connections of a file with the credentials of their folders, each in its last
// valid state. A nil *Set has none.
type Set struct {
	options Options

	mu      sync.Mutex
	byName  map[string]*Connection
	stated  map[string]spec   // by the file in use; byName may still hold older ones
	content [sha256.Size]byte // of the file in use
	problem error
	file    counts
	counts  map[string]*counts
}

type counts struct{ good, bad int }

// Open reads everything once. What cannot be read is not an error: Notify and Status report
// it, and it may come later. Run watches the files from then on.
func Open(o Options) *Set {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Notify == nil {
		o.Notify = func(Reload) {}
	}
	if o.Ticks == nil {
		o.Ticks = func() (<-chan time.Time, func()) {
			t := time.NewTicker(time.Minute)
			return t.C, t.Stop
		}
	}
	c := &Set{options: o, byName: map[string]*Connection{}, counts: map[string]*counts{}}
	c.reload()
	return c
}

// Find returns the connection of a name, or nil.
func (c *Set) Find(name string) *Connection {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.byName[name]
}

// Problem returns why the file's newest state is not in use, nil if it is.
func (c *Set) Problem() error {
	if c == nil {
		return errors.New("the provider was started without --config")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.problem
}

// Status returns the present state of everything.
func (c *Set) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := Status{File: c.options.File, Problem: c.problem, Good: c.file.good, Bad: c.file.bad}
	for _, name := range slices.Sorted(maps.Keys(c.byName)) {
		one, n := c.byName[name], c.counts[name]
		s.Connections = append(s.Connections, ConnectionStatus{Name: name, Source: one.dir, Problem: one.problem,
			Usable: one.credential.Kind() != "", Expires: one.credential.Expires(), Good: n.good, Bad: n.bad})
	}
	return s
}

// readConfig returns the connections in the file, or those of its last valid state, with
// the digest of the file.
func (c *Set) readConfig() (specs map[string]spec, digest [sha256.Size]byte, err error) {
	content, err := readFile(c.options.File)
	if err == nil {
		if specs, err = parseConfig(string(content), c.options.CacheTTL); err == nil {
			return specs, sha256.Sum256(content), nil
		}
	}
	return c.stated, c.content, err
}

// reload reads everything, checks it, and then puts it in use. Open and Run call it, never
// both at once, so it is the only writer of byName.
func (c *Set) reload() {
	specs, content, problem := c.readConfig()
	now := c.options.Now()
	next := make(map[string]*Connection, len(specs))
	for name, s := range specs {
		next[name] = successor(c.byName[name], s, now)
	}
	var told []Reload
	c.mu.Lock()
	if first := c.file == (counts{}); first || content != c.content || text(problem) != text(c.problem) {
		told = append(told, Reload{Source: c.options.File, Err: problem, Kept: problem != nil && c.file.good > 0})
		c.file.add(problem)
	}
	for _, name := range slices.Sorted(maps.Keys(next)) {
		if before, after := c.byName[name], next[name]; changed(before, after) {
			if c.counts[name] == nil {
				c.counts[name] = &counts{}
			}
			c.counts[name].add(after.problem)
			told = append(told, Reload{Connection: name, Source: after.dir, Credential: describe(after.credential),
				Err: after.problem, Kept: after.problem != nil && after.credential.Kind() != ""})
		}
	}
	for name, before := range c.byName {
		if next[name] == nil {
			delete(c.counts, name)
			told = append(told, Reload{Connection: name, Source: before.dir, Removed: true})
		}
	}
	c.byName, c.stated, c.content, c.problem = next, specs, content, problem
	c.mu.Unlock()
	for _, r := range told {
		c.options.Notify(r)
	}
}

func (n *counts) add(problem error) {
	if problem == nil {
		n.good++
	} else {
		n.bad++
	}
}

// successor returns the connection of a spec with the credential that is in its folder now.
// If that credential is invalid, the last valid one stays in use, but only for the domain
// and folder that it was read for: it must not be sent to another domain. New rules,
// maxStale and fallback apply at once even then. If domain or folder changed too, the last
// valid connection stays in use for what both its rules and the new ones allow, since the
// new paths are those of another domain.
func successor(before *Connection, s spec, now time.Time) *Connection {
	credential, err := readCredential(s, now)
	switch {
	case err == nil:
		return &Connection{spec: s, credential: credential}
	case before == nil || before.credential.Kind() == "":
		return &Connection{spec: s, problem: err}
	case before.place == s.place && before.dir == s.dir:
		return &Connection{spec: s, credential: before.credential, problem: err}
	}
	kept := before.spec
	kept.outage = s.outage
	return &Connection{spec: kept, credential: before.credential, narrowed: append([]rules.Rule{}, s.rules...), problem: fmt.Errorf("%s: %w", s.dir, err)}
}

func readCredential(s spec, now time.Time) (credential.Credential, error) {
	m, err := readFolder(s.dir)
	if err != nil {
		return credential.Credential{}, err
	}
	c, err := credential.Parse(m, fmt.Sprintf("connection %q", s.name), now)
	if err != nil {
		return credential.Credential{}, err
	}
	return c.At(s.place.Endpoint)
}

func changed(a, b *Connection) bool {
	return a == nil || a.credential.ID() != b.credential.ID() || a.place != b.place || a.dir != b.dir ||
		a.outage != b.outage || a.text != b.text || text(a.problem) != text(b.problem)
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func describe(c credential.Credential) string {
	if c.Kind() == "" {
		return ""
	}
	return c.String()
}
