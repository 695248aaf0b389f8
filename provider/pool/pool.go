// Package pool keeps the clients of OKMS, one for each credential and domain, so that
// connections live across mounts, and leases them to mounts.
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

// ErrFull says that there is no room for another client.
var ErrFull = errors.New("the mounts of this node use too many credentials at once")

// Pool keeps a client for each credential and domain in use. Make one with New.
type Pool struct {
	options okms.Options
	now     func() time.Time
	budget  *budget.Budget

	mu    sync.Mutex
	byKey map[key]*client
	// current is the client that each connection of the operator used last.
	current map[string]key
	ended   []*client // to be closed by unlock
}

// New returns an empty pool. Its clients have the options and take their memory from the
// budget; now is the clock. The caller closes it after the last mount.
func New(o okms.Options, b *budget.Budget, now func() time.Time) *Pool {
	return &Pool{options: o, now: now, budget: b, byKey: map[key]*client{}, current: map[string]key{}}
}

type key struct {
	domain     place.Domain
	credential [sha256.Size]byte
}

// Lease is the right to use a client. Evicting the client does not interrupt it: the last
// lease of an evicted client closes the client.
type Lease struct {
	*okms.Client
	// Domain is where the client reads. All leases of a client share its texts, so that keys
	// of the cache hold one copy of a CA bundle and not one for each mount.
	Domain place.Domain
	// Credential is the identity that the client reads with.
	Credential [sha256.Size]byte

	pool *Pool
	of   *client
}

// Lease returns a lease of the client of an origin, for a mount of a namespace. The client is
// made if there is none; that is ErrFull if there is no room for it. The caller closes the
// lease.
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

// Close ends the lease. It is called once.
func (l *Lease) Close() {
	l.pool.mu.Lock()
	defer l.pool.unlock()
	if l.of.leases--; l.of.leases == 0 && l.of.evicted {
		l.pool.end(l.of)
	}
}

// unlock closes the clients that were ended, but not under the lock: nobody waits for that.
func (p *Pool) unlock() {
	ended := p.ended
	p.ended = nil
	p.mu.Unlock()
	for _, c := range ended {
		c.close()
	}
}

// replace evicts the client that a connection used before its credential or domain changed,
// unless another connection uses it. A mount that brings the same credential makes it anew.
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

// evict takes a client out of the pool. p.mu is held.
func (p *Pool) evict(k key) {
	c := p.byKey[k]
	c.evicted = true
	if c.leases == 0 {
		p.end(c)
	}
	delete(p.byKey, k)
}

// end has a client closed that is evicted and has no leases. p.mu is held.
func (p *Pool) end(c *client) {
	p.ended = append(p.ended, c)
	c.account.Close()
}

// Sweep evicts idle clients.
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

// Close evicts all clients. Those without leases are closed, and their exchanges for tokens
// end.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.unlock()
	for k := range p.byKey {
		p.evict(k)
	}
}

// idleTime is how long an unused client is kept. Kubelet asks for each volume about once a
// minute.
const idleTime = 10 * time.Minute
