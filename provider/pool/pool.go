// SPDX-License-Identifier: Apache-2.0

// Package pool keeps one OKMS client for each credential and domain, and leases clients to
// mounts, so that mounts reuse HTTP connections and tokens.
package pool

import (
	"crypto/sha256"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"ovhcloud-csi-provider/provider/budget"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/provider/plan"
)

// ErrFull is the error of Lease if there is no memory for another client.
var ErrFull = errors.New("the mounts of this node use too many credentials at once")

// Pool keeps one client for each credential and domain in use. Use New to create one. It is
// safe for concurrent use.
type Pool struct {
	options okms.Options
	now     func() time.Time
	budget  *budget.Budget

	mu    sync.Mutex
	byKey map[key]*client
	// current is the client that each connection used last, by the connection's name.
	current map[string]key
	ended   []*client // unlock closes them
}

// New returns an empty pool. o are the options of its clients, b is the budget of their memory,
// now is the clock. The caller closes the pool after the last mount.
func New(o okms.Options, b *budget.Budget, now func() time.Time) *Pool {
	return &Pool{options: o, now: now, budget: b, byKey: map[key]*client{}, current: map[string]key{}}
}

type key struct {
	domain     place.Domain
	credential [sha256.Size]byte
}

// Lease is the right to use a client. Evicting the client does not interrupt its leases: the
// last one closes the client.
type Lease struct {
	*okms.Client
	// Domain is the OKMS domain that the client reads. All leases of a client share its strings,
	// so that the cache's keys hold one copy of a CA bundle and not one for each mount.
	Domain place.Domain
	// Credential is the identity that the client reads with.
	Credential [sha256.Size]byte

	pool *Pool
	of   *client
}

// Lease returns a lease of an origin's client for a mount of a namespace, and creates the client
// if there is none. The error is ErrFull if there is no memory for it, or for a CA bundle
// without a certificate. The caller closes the lease.
func (p *Pool) Lease(o plan.Origin, namespace string) (*Lease, error) {
	k := key{o.Domain, o.Credential.ID()}
	p.mu.Lock()
	defer p.unlock()
	c := p.byKey[k]
	if c == nil {
		account := p.budget.Open(namespace)
		if o.Connection == "" && !p.makeRoom(account, takes(o.Domain)) {
			return nil, ErrFull
		}
		var err error
		if c, err = open(o, p.options, p.now); err != nil {
			account.Close()
			return nil, err
		}
		c.account = account
		p.byKey[k] = c
	}
	p.replace(o.Connection, k)
	c.used = p.now()
	c.leases++
	return &Lease{Client: c.okms, Domain: c.domain, Credential: c.credential, pool: p, of: c}, nil
}

// Clone returns another lease of the same client. The caller closes both.
func (l *Lease) Clone() *Lease {
	l.pool.mu.Lock()
	defer l.pool.unlock()
	l.of.leases++
	clone := *l
	return &clone
}

// Close ends the lease. Call it once.
func (l *Lease) Close() {
	l.pool.mu.Lock()
	defer l.pool.unlock()
	if l.of.leases--; l.of.leases == 0 && l.of.evicted {
		l.pool.end(l.of)
	}
}

// unlock unlocks p.mu, then closes the ended clients: closing waits for an exchange, and must
// not hold the lock meanwhile.
func (p *Pool) unlock() {
	ended := p.ended
	p.ended = nil
	p.mu.Unlock()
	for _, c := range ended {
		c.close()
	}
}

// replace makes k the current client of a connection and evicts the one before it, unless
// another connection uses that one. If a mount brings the same credential later, Lease creates
// its client again. p.mu is held.
func (p *Pool) replace(connection string, k key) {
	if connection == "" {
		return
	}
	before, known := p.current[connection]
	p.current[connection] = k
	if known && before != k && p.byKey[before] != nil && !slices.Contains(slices.Collect(maps.Values(p.current)), before) {
		p.evict(before)
	}
}

// evict removes a client from the pool, and ends it if it has no leases. p.mu is held.
func (p *Pool) evict(k key) {
	c := p.byKey[k]
	c.evicted = true
	if c.leases == 0 {
		p.end(c)
	}
	delete(p.byKey, k)
}

// end releases the memory of an evicted client without leases; unlock closes it. p.mu is held.
func (p *Pool) end(c *client) {
	p.ended = append(p.ended, c)
	c.account.Close()
}

// Sweep evicts the clients that no mount has used for 10 minutes.
func (p *Pool) Sweep() {
	p.mu.Lock()
	defer p.unlock()
	now := p.now()
	for k, c := range p.byKey {
		if now.Sub(c.used) > idleTime {
			p.evict(k)
		}
	}
}

// Close evicts all clients. It closes those without leases and ends their token exchanges; the
// last lease closes each of the others.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.unlock()
	for k := range p.byKey {
		p.evict(k)
	}
}

// idleTime is how long an unused client stays in the pool. With rotation, kubelet mounts each
// volume again about once a minute.
const idleTime = 10 * time.Minute
