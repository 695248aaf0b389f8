// SPDX-License-Identifier: Apache-2.0

// Package connections has the administrator's connections: for each, an OKMS domain, a credential for
// it, and rules on which pods may read which secrets with it. It watches the file and the folders
// of the credentials, and keeps the last valid state of each connection in use.
package connections

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"ovhcloud-csi-provider/provider/config"
	"ovhcloud-csi-provider/provider/credential"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/provider/rules"
)

// Connection is an OKMS domain with a credential for it, and rules on which pods may read which
// secrets. It is immutable.
type Connection struct {
	spec       config.Connection
	credential credential.Credential
	// narrowed are the newest rules while the domain and the credential are still the old ones: a
	// mount must be allowed by these and by the old rules. nil if spec is that of the newest file.
	narrowed []rules.Rule
	// problem is why there is no credential, or why the newest one is not in use; nil if it is.
	problem error
}

// Name returns the connection's name.
func (c *Connection) Name() string { return c.spec.Name }

// Place returns the domain of the connection. Its credential is sent to no other.
func (c *Connection) Place() place.Domain { return c.spec.Place }

// MaxStale returns the greatest age of a secret that is served while the domain is unreachable or
// fails: the connection's own limit, or daemons if it has none. 0 serves nothing stale.
func (c *Connection) MaxStale(daemons time.Duration) time.Duration {
	if own, stated := c.OwnMaxStale(); stated {
		return own
	}
	return daemons
}

// OwnMaxStale returns the field maxStale of the connection. stated is false if it has none.
func (c *Connection) OwnMaxStale() (d time.Duration, stated bool) {
	return c.spec.MaxStale, c.spec.HasMaxStale
}

// Fallback returns the name of the connection to read if this one's domain is unreachable or
// fails; "" if there is none.
func (c *Connection) Fallback() string { return c.spec.Fallback }

// Credential returns the last valid credential. The error is why there never was one; it is for
// the administrator, not for users.
func (c *Connection) Credential() (credential.Credential, error) {
	if c.credential.Kind() == "" {
		return credential.Credential{}, c.problem
	}
	return c.credential, nil
}

// Grant returns what the connection allows to the pods of a service account. It is empty if no
// rule matches.
func (c *Connection) Grant(namespace, account string) rules.Grant {
	g := rules.For(c.spec.Rules, namespace, account)
	if c.narrowed != nil {
		g = g.And(rules.For(c.narrowed, namespace, account))
	}
	return g
}

// Reload is a change of the file or of a connection, valid or not. Each is reported once.
type Reload struct {
	// Connection is empty for the file itself.
	Connection string
	// Source is the file or folder that changed.
	Source string
	// Credential is the credential in use, without its secret (Credential.String). Empty for none.
	Credential string
	// Removed is set if the file no longer has the connection.
	Removed bool
	// Err is why the new state is not in use; nil if it is in use. Kept is set if the last valid
	// state is still in use.
	Err  error
	Kept bool
}

// Status is the state of all connections, for readiness and metrics.
type Status struct {
	// File is the path of the file. Problem is why its newest state is not in use; nil if it is.
	// Good and Bad count the valid and the invalid states of the file.
	File        string
	Problem     error
	Good, Bad   int
	Connections []ConnectionStatus // by name
}

// ConnectionStatus is the state of one connection. Source is the folder of its credential; Problem,
// Good and Bad are as in Status. Expires is the zero time if it is unknown.
type ConnectionStatus struct {
	Name      string
	Source    string
	Problem   error
	Usable    bool // it has a credential, maybe an old one
	Expires   time.Time
	Good, Bad int
}

// Err returns nil if the newest state of everything is in use. Otherwise it names each file and
// folder whose newest state is not in use, with the reason.
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

// Options are the options of Open. File is required.
type Options struct {
	// File is the path of the YAML file of connections.
	File string
	// CacheTTL is the --cache-ttl of the daemon. Each maxStale must be longer.
	CacheTTL time.Duration
	// Notify is called for each change, never concurrently; nil for none.
	Notify func(Reload)
	// Now is the clock for the dates of certificates; nil for the system's.
	Now func() time.Time
	// Ticks returns a channel, and a function that stops it. Run reads everything at each tick,
	// since some changes cannot be watched; nil is once a minute.
	Ticks func() (ticks <-chan time.Time, stop func())

	// settling is the wait after a change; the zero value is the default. For tests.
	settling settling
}

// Set has the connections of a file with their credentials, each in its last valid state. It is
// safe for concurrent use. Find on a nil *Set returns nil.
type Set struct {
	options Options

	mu      sync.Mutex
	byName  map[string]*Connection
	stated  map[string]config.Connection // the connections of the file in use; byName may still have older ones
	content [sha256.Size]byte            // of the file in use
	problem error
	file    counts
	counts  map[string]*counts
}

// counts are numbers of valid and invalid states.
type counts struct{ good, bad int }

// Open returns the set of a file and reads everything once. If something cannot be read, Notify
// and Status report it, and it may be fixed later. Call Run to watch for changes.
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
	if o.settling == (settling{}) {
		o.settling = defaultSettling
	}
	c := &Set{options: o, byName: map[string]*Connection{}, counts: map[string]*counts{}}
	c.reload()
	return c
}

// Find returns the connection of a name, nil if there is none.
func (c *Set) Find(name string) *Connection {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.byName[name]
}

// Problem returns why the newest state of the file is not in use; nil if it is.
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
		s.Connections = append(s.Connections, ConnectionStatus{Name: name, Source: one.spec.Dir, Problem: one.problem,
			Usable: one.credential.Kind() != "", Expires: one.credential.Expires(), Good: n.good, Bad: n.bad})
	}
	return s
}

// readConfig returns the connections of the file, and the digest of its content. If the file is
// invalid, it returns those of the last valid state with an error.
func (c *Set) readConfig() (specs map[string]config.Connection, digest [sha256.Size]byte, err error) {
	content, err := readFile(c.options.File)
	if err == nil {
		if specs, err = config.Parse(string(content), c.options.CacheTTL); err == nil {
			return specs, sha256.Sum256(content), nil
		}
	}
	return c.stated, c.content, err
}

// Reload reads everything once, as Run does after each change. It is for a caller that does not
// call Run, and must not be called concurrently.
func (c *Set) Reload() { c.reload() }

// reload reads and checks everything, and then puts it in use. Only Open, Run and Reload call it,
// never concurrently, so it may read byName without the lock.
func (c *Set) reload() {
	specs, content, problem := c.readConfig()
	now := c.options.Now()
	next := make(map[string]*Connection, len(specs))
	for name, s := range specs {
		next[name] = successor(c.byName[name], s, now)
	}
	var changes []Reload
	c.mu.Lock()
	if first := c.file == (counts{}); first || content != c.content || text(problem) != text(c.problem) {
		changes = append(changes, Reload{Source: c.options.File, Err: problem, Kept: problem != nil && c.file.good > 0})
		c.file.add(problem)
	}
	for _, name := range slices.Sorted(maps.Keys(next)) {
		if before, after := c.byName[name], next[name]; changed(before, after) {
			if c.counts[name] == nil {
				c.counts[name] = &counts{}
			}
			c.counts[name].add(after.problem)
			changes = append(changes, Reload{Connection: name, Source: after.spec.Dir, Credential: describe(after.credential),
				Err: after.problem, Kept: after.problem != nil && after.credential.Kind() != ""})
		}
	}
	for name, before := range c.byName {
		if next[name] == nil {
			delete(c.counts, name)
			changes = append(changes, Reload{Connection: name, Source: before.spec.Dir, Removed: true})
		}
	}
	c.byName, c.stated, c.content, c.problem = next, specs, content, problem
	c.mu.Unlock()
	for _, r := range changes {
		c.options.Notify(r)
	}
}

// add counts a state with a problem, or a valid one if problem is nil.
func (n *counts) add(problem error) {
	if problem == nil {
		n.good++
	} else {
		n.bad++
	}
}

// successor returns the connection s of the file with the present credential of its folder. before is
// the connection in use; nil if there is none. If the new credential is invalid, the last valid
// one stays in use, but only for the domain and folder that it was read for: it must never be
// sent to another domain. New rules, maxStale and fallback apply at once. If the domain or folder
// changed too, the old connection stays in use for paths that its rules and the new ones both
// allow, since the new paths are those of another domain.
func successor(before *Connection, s config.Connection, now time.Time) *Connection {
	credential, err := readCredential(s, now)
	switch {
	case err == nil:
		return &Connection{spec: s, credential: credential}
	case before == nil || before.credential.Kind() == "":
		return &Connection{spec: s, problem: err}
	case before.spec.Place == s.Place && before.spec.Dir == s.Dir:
		return &Connection{spec: s, credential: before.credential, problem: err}
	}
	kept := before.spec
	kept.Outage = s.Outage
	return &Connection{spec: kept, credential: before.credential, narrowed: append([]rules.Rule{}, s.Rules...),
		problem: fmt.Errorf("%s: %w", s.Dir, err)}
}

// readCredential returns the credential in the folder of a connection. It must be valid at now.
func readCredential(s config.Connection, now time.Time) (credential.Credential, error) {
	m, err := readFolder(s.Dir)
	if err != nil {
		return credential.Credential{}, err
	}
	c, err := credential.Parse(m, fmt.Sprintf("connection %q", s.Name), now)
	if err != nil {
		return credential.Credential{}, err
	}
	return c.At(s.Place.Endpoint)
}

// changed reports whether two states of a connection differ, so that the change is reported. a may
// be nil.
func changed(a, b *Connection) bool {
	if a == nil {
		return true
	}
	x, y := a.spec, b.spec
	return a.credential.ID() != b.credential.ID() || text(a.problem) != text(b.problem) ||
		x.Place != y.Place || x.Dir != y.Dir || x.Outage != y.Outage || fmt.Sprint(x.Rules) != fmt.Sprint(y.Rules)
}

// text returns the text of an error, "" for nil.
func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// describe returns the name of a credential without its secret, "" for none.
func describe(c credential.Credential) string {
	if c.Kind() == "" {
		return ""
	}
	return c.String()
}
