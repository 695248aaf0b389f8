// SPDX-License-Identifier: Apache-2.0

// Package conns limits the open connections of all clients of a node, and gives the places of idle
// ones to clients that wait.
package conns

import (
	"cmp"
	"context"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"ovhcloud-csi-provider/provider/wire"
)

// Conns is a semaphore for the open connections of all clients that share it, and of token endpoints.
// At the limit, idle connections of other clients are closed, starting with the least
// recently used client; a new connection waits until one is closed. A nil Conns means no
// limit.
type Conns struct {
	// Dialer opens the connections. nil means the system's, with wire.DialTime. Set it before
	// the first use.
	Dialer wire.Dial

	most       int
	reclaiming atomic.Bool

	mu      sync.Mutex
	open    int             // or being opened
	waiters []chan struct{} // closed when the waiter gets its place; in the order of service
	pools   map[*Pool]struct{}
	uses    int // counts the exchanges of all clients
}

// New returns a Conns that allows most connections.
func New(most int) *Conns { return &Conns{most: most, pools: map[*Pool]struct{}{}} }

// Open returns how many connections are open or being opened.
func (c *Conns) Open() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open
}

// Dial opens a connection that counts until it is closed, and is not kept idle. It waits
// for at most wire.DialTime.
func (c *Conns) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return (&Pool{all: c}).Dial(ctx, network, address)
}

// Pool counts the connections of one client. NewPool creates one.
type Pool struct {
	all       *Conns // may be nil
	closeIdle func() // nil for a pool that keeps none
	overTLS   bool   // a connection is usable only after the handshake

	// all.mu guards the following fields.
	used int // the value of all.uses at the last use
	open int
}

// NewPool returns a pool of connections that count in all, which may be nil. overTLS reports that a
// connection is usable only after a TLS handshake.
func NewPool(all *Conns, overTLS bool) *Pool { return &Pool{all: all, overTLS: overTLS} }

// CloseIdleBy sets the function that closes the idle connections of the client. Without one, the
// client keeps none. Call it before the first Dial.
func (p *Pool) CloseIdleBy(f func()) { p.closeIdle = f }

// Use marks the client as the most recently used.
func (p *Pool) Use() {
	if p.all == nil {
		return
	}
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	p.all.uses++
	p.used = p.all.uses
}

// count adds n to the number of open connections of the client.
func (p *Pool) count(n int) {
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	if p.open += n; p.open > 0 && p.closeIdle != nil {
		p.all.pools[p] = struct{}{}
	} else {
		delete(p.all.pools, p)
	}
}

// Dial opens a connection of the client. net/http detaches ctx from the request, so that the
// connection can serve the next one. Here the dial is cancelled with its exchange; otherwise
// the dials of finished reads would hold places that other reads wait for.
func (p *Pool) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	var cancel context.CancelFunc
	x, _ := ctx.Value(exchangeKey{}).(*Exchange)
	if x != nil {
		ctx, cancel = context.WithCancel(ctx)
		defer context.AfterFunc(x.ctx, cancel)()
	} else {
		ctx, cancel = context.WithTimeout(ctx, wire.DialTime)
	}
	defer cancel()
	if p.all == nil {
		return systemDial(ctx, network, address)
	}
	if err := p.all.acquire(ctx, p, x); err != nil {
		return nil, err
	}
	open := p.all.Dialer
	if open == nil {
		open = systemDial
	}
	conn, err := open(ctx, network, address)
	if err != nil {
		p.all.release()
		return nil, err
	}
	p.count(1)
	counted := &countedConn{Conn: conn, pool: p}
	if x != nil {
		x.crowded.Store(false)
		if p.overTLS {
			x.shaking.begin(counted)
		}
	}
	return counted, nil
}

// Exchange is one request of a client, which may need a new connection. The zero value is one that
// has not begun.
type Exchange struct {
	ctx     context.Context // the context of a dial is detached from it
	crowded atomic.Bool
	shaking handshake
}

type exchangeKey struct{}

// Begin begins the exchange. It returns the context to send the request with; ctx ends the dial and
// the handshake too.
func (x *Exchange) Begin(ctx context.Context) context.Context {
	x.ctx = ctx
	return context.WithValue(ctx, exchangeKey{}, x)
}

// Crowded reports whether the exchange waits for a place in Conns.
func (x *Exchange) Crowded() bool { return x.crowded.Load() }

// GotConn says that the exchange has a connection, maybe one that another exchange opened.
func (x *Exchange) GotConn() { x.crowded.Store(false) }

// HandshakeDone says that the handshake of the exchange's connection is complete.
func (x *Exchange) HandshakeDone() { x.shaking.done() }

// End ends the exchange. It closes a connection whose handshake is incomplete.
func (x *Exchange) End() { x.shaking.abandon() }

// systemDial opens a connection with the system's dialer.
func systemDial(ctx context.Context, network, address string) (net.Conn, error) {
	return (&net.Dialer{Timeout: wire.DialTime, KeepAlive: 30 * time.Second}).DialContext(ctx, network, address)
}

// handshake holds the connection of an exchange until its TLS handshake is complete. It closes
// the connection with the exchange: net/http would continue the handshake for ten seconds.
type handshake struct {
	mu   sync.Mutex
	conn net.Conn // nil if there is none
	over bool
}

// begin stores the connection, or closes it if the exchange is over.
func (h *handshake) begin(conn net.Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.over {
		_ = conn.Close()
		return
	}
	h.conn = conn
}

// done drops the connection when its handshake is complete: net/http owns it from then on.
func (h *handshake) done() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.conn = nil
}

// abandon closes the connection of an incomplete handshake. Later calls of begin close theirs.
func (h *handshake) abandon() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.over = true; h.conn != nil {
		_ = h.conn.Close()
		h.conn = nil
	}
}

// countedConn is a connection that counts in Conns until it is closed.
type countedConn struct {
	net.Conn
	pool *Pool
	once sync.Once
}

// Close implements net.Conn.
func (c *countedConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() {
		c.pool.count(-1)
		c.pool.all.release()
	})
	return err
}

// reclaimEvery is the interval at which idle connections are closed while callers wait.
// slowClose is how long reclaim waits for one client to close its idle connections.
const (
	reclaimEvery = 20 * time.Millisecond
	slowClose    = 100 * time.Millisecond
)

// acquire takes a place for a connection of p. It waits until there is one, or returns
// wire.ErrFull when ctx is done. While it waits, it sets x.crowded; x may be nil.
func (c *Conns) acquire(ctx context.Context, p *Pool, x *Exchange) error {
	mine := c.enter()
	if mine == nil {
		return nil
	}
	if x != nil {
		x.crowded.Store(true)
	}
	again := time.NewTicker(reclaimEvery)
	defer again.Stop()
	for {
		if c.reclaiming.CompareAndSwap(false, true) { // one goroutine for all waiters
			go c.reclaim(p)
		}
		select {
		case <-mine:
			return nil
		case <-ctx.Done():
			c.leave(mine)
			return wire.ErrFull
		case <-again.C:
		}
	}
}

// enter takes a place and returns nil; if none is free, it returns a new waiter.
func (c *Conns) enter() (waiter chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open < c.most {
		c.open++
		return nil
	}
	waiter = make(chan struct{})
	c.waiters = append(c.waiters, waiter)
	return waiter
}

// leave removes a waiter. If the waiter has just got its place, leave releases the place.
func (c *Conns) leave(waiter chan struct{}) {
	c.mu.Lock()
	at := slices.Index(c.waiters, waiter)
	if at >= 0 {
		c.waiters = slices.Delete(c.waiters, at, at+1)
	}
	c.mu.Unlock()
	if at < 0 {
		c.release()
	}
}

// release passes a place on to the first waiter, or frees it if there is none.
func (c *Conns) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiters) == 0 {
		c.open--
		return
	}
	close(c.waiters[0])
	c.waiters = slices.Delete(c.waiters, 0, 1)
}

// Waiting returns how many callers wait for a place.
func (c *Conns) Waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.waiters)
}

// reclaim closes idle connections until no caller waits for a place, those of p last. It holds
// no lock meanwhile: closing sends a TLS alert, and the server may be slow to read it.
func (c *Conns) reclaim(p *Pool) {
	defer c.reclaiming.Store(false)
	for _, pool := range c.byUse(p) {
		if c.Waiting() == 0 {
			return
		}
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			pool.closeIdle()
		}()
		slow := time.NewTimer(slowClose)
		select {
		case <-closed:
		case <-slow.C:
		}
		slow.Stop()
	}
}

// byUse returns the pools that have connections, the least recently used first and own last.
func (c *Conns) byUse(own *Pool) []*Pool {
	c.mu.Lock()
	defer c.mu.Unlock()
	type ranked struct {
		pool *Pool
		used int
	}
	var all []ranked
	for pool := range c.pools {
		r := ranked{pool, pool.used}
		if pool == own {
			r.used = c.uses + 1
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b ranked) int { return cmp.Compare(a.used, b.used) })
	pools := make([]*Pool, len(all))
	for i, r := range all {
		pools[i] = r.pool
	}
	return pools
}
