package okms

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

// Conns limits the open connections of all clients that share it, and of token endpoints.
// At the limit, idle connections of other clients are closed, starting with the least
// recently used client; a new connection waits until one is closed. A nil Conns means no
// limit.
type Conns struct {
	most       int
	reclaiming atomic.Bool

	mu      sync.Mutex
	open    int             // or being opened
	waiters []chan struct{} // closed when the waiter gets its place; in the order of service
	pools   map[*connPool]struct{}
	uses    int // counts the exchanges of all clients
}

// NewConns returns a Conns that allows most connections.
func NewConns(most int) *Conns { return &Conns{most: most, pools: map[*connPool]struct{}{}} }

// Open returns how many connections are open or being opened.
func (c *Conns) Open() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open
}

// Dial opens a connection that counts until it is closed, and is not kept idle. It waits
// for at most wire.DialTime.
func (c *Conns) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return (&connPool{all: c}).dial(ctx, network, address)
}

// connPool counts the connections of one client.
type connPool struct {
	all       *Conns // may be nil
	closeIdle func() // nil for a pool that keeps none
	overTLS   bool   // a connection is usable only after the handshake

	// Guarded by all.mu.
	used int // the value of all.uses at the last use
	open int
}

// use marks the client as the most recently used.
func (p *connPool) use() {
	if p.all == nil {
		return
	}
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	p.all.uses++
	p.used = p.all.uses
}

// count adds n to the number of open connections of the client.
func (p *connPool) count(n int) {
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	if p.open += n; p.open > 0 && p.closeIdle != nil {
		p.all.pools[p] = struct{}{}
	} else {
		delete(p.all.pools, p)
	}
}

// dial opens a connection of the client. net/http detaches ctx from the request, so that
// a connection may serve the next one; here it ends with the exchange that wants it, or
// the connections of reads that are over would keep the others from theirs.
func (p *connPool) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var cancel context.CancelFunc
	x := exchangeOf(ctx)
	if x != nil {
		ctx, cancel = context.WithCancel(ctx)
		defer context.AfterFunc(x.ctx, cancel)()
	} else {
		ctx, cancel = context.WithTimeout(ctx, wire.DialTime)
	}
	defer cancel()
	dialer := net.Dialer{Timeout: wire.DialTime, KeepAlive: 30 * time.Second}
	if p.all == nil {
		return dialer.DialContext(ctx, network, address)
	}
	if err := p.all.acquire(ctx, p, x); err != nil {
		return nil, err
	}
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		p.all.release()
		return nil, err
	}
	p.count(1)
	counted := &countedConn{Conn: conn, pool: p}
	if x != nil {
		x.phase.crowded.Store(false)
		if p.overTLS {
			x.shaking.begin(counted)
		}
	}
	return counted, nil
}

// handshake is a connection that an exchange has opened and that does not yet speak TLS.
// It is closed with the exchange: net/http would go on shaking hands for ten seconds.
type handshake struct {
	mu   sync.Mutex
	conn net.Conn // nil if there is none
	over bool
}

// begin notes the connection, or closes it if the exchange is over.
func (h *handshake) begin(conn net.Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.over {
		_ = conn.Close()
		return
	}
	h.conn = conn
}

// done notes that the connection is of use.
func (h *handshake) done() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.conn = nil
}

// abandon ends it with the exchange.
func (h *handshake) abandon() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.over = true; h.conn != nil {
		_ = h.conn.Close()
		h.conn = nil
	}
}

// countedConn counts until it is closed.
type countedConn struct {
	net.Conn
	pool *connPool
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

// reclaimEvery is how often idle connections are looked for while others wait, and
// slowClose how long the closing of those of one client is waited for.
const (
	reclaimEvery = 20 * time.Millisecond
	slowClose    = 100 * time.Millisecond
)

// acquire takes a place for a connection of p, until ctx is done. x, which may be nil,
// learns that it waits for one.
func (c *Conns) acquire(ctx context.Context, p *connPool, x *exchange) error {
	mine := c.enter()
	if mine == nil {
		return nil
	}
	if x != nil {
		x.phase.crowded.Store(true)
	}
	again := time.NewTicker(reclaimEvery)
	defer again.Stop()
	for {
		if c.reclaiming.CompareAndSwap(false, true) { // one for all that wait
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

// enter takes a place, or one in the line for it.
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

// leave gives up a place in the line, or the place itself if it has come meanwhile.
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

// release gives a place to the first in the line.
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

// waiting is how many connections wait for a place.
func (c *Conns) waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.waiters)
}

// reclaim closes idle connections until nobody waits for a place. No lock is held
// meanwhile: crypto/tls tells the other end, which may be slow to listen.
func (c *Conns) reclaim(p *connPool) {
	defer c.reclaiming.Store(false)
	for _, pool := range c.byUse(p) {
		if c.waiting() == 0 {
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

// byUse are the pools with connections, the longest unused first and own last.
func (c *Conns) byUse(own *connPool) []*connPool {
	c.mu.Lock()
	defer c.mu.Unlock()
	type ranked struct {
		pool *connPool
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
	pools := make([]*connPool, len(all))
	for i, r := range all {
		pools[i] = r.pool
	}
	return pools
}
