// SPDX-License-Identifier: Apache-2.0

package simulation

import (
	"context"
	"net"
	"sync"
	"syscall"

	"ovhcloud-csi-provider/test/memnet"
)

// network is the connections between the daemons of a history and its stores, in memory.
type network struct {
	w *world

	mu        sync.Mutex
	listeners map[route]*memnet.Listener
	down      map[string]string // why a host cannot be reached, by host:port: refuse or blackhole
	up        chan struct{}     // closed and replaced when a host comes back
	conns     map[*conn]struct{}
}

// route is where a daemon dials: each daemon has listeners of its own, so that a store knows
// which one asks.
type route struct {
	host   string
	daemon int
}

func newNetwork(w *world) *network {
	return &network{w: w, listeners: map[route]*memnet.Listener{}, down: map[string]string{}, up: make(chan struct{}),
		conns: map[*conn]struct{}{}}
}

// listen opens a host for a daemon.
func (n *network) listen(host string, daemon int) net.Listener {
	l := memnet.Listen(host)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.listeners[route{host, daemon}] = l
	return taggedListener{l, daemon}
}

// dialer returns the dialer of a daemon.
func (n *network) dialer(daemon int) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, host string) (net.Conn, error) { return n.dial(ctx, host, daemon) }
}

func (n *network) dial(ctx context.Context, host string, daemon int) (net.Conn, error) {
	for {
		n.mu.Lock()
		down, up, l := n.down[host], n.up, n.listeners[route{host, daemon}]
		n.mu.Unlock()
		switch {
		case down == "blackhole":
			n.w.trouble(host, true)
			select {
			case <-up:
				n.w.trouble(host, true)
				continue
			case <-ctx.Done():
				n.w.trouble(host, true)
				return nil, ctx.Err()
			}
		case down != "" || l == nil:
			n.w.trouble(host, false)
			return nil, memnet.Refused()
		}
		inner, err := l.Dial(ctx)
		if err != nil {
			return nil, err
		}
		c := &conn{Conn: inner, network: n, host: host}
		n.mu.Lock()
		n.conns[c] = struct{}{}
		n.mu.Unlock()
		return c, nil
	}
}

// setDown makes a host unreachable in a way, or reachable if how is empty.
func (n *network) setDown(host, how string) {
	n.mu.Lock()
	n.down[host] = how
	if how == "" {
		close(n.up)
		n.up = make(chan struct{})
	}
	n.mu.Unlock()
	if how != "" {
		n.cut(host)
	}
}

// cut resets the connections to a host.
func (n *network) cut(host string) {
	n.w.trouble(host, false)
	n.mu.Lock()
	var all []*conn
	for c := range n.conns {
		if c.host == host {
			all = append(all, c)
		}
	}
	n.mu.Unlock()
	for _, c := range all {
		c.reset()
	}
}

// open returns how many connections are open.
func (n *network) open() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.conns)
}

// conn is the daemon's side of a connection.
type conn struct {
	net.Conn
	network *network
	host    string

	mu  sync.Mutex
	cut bool
}

func (c *conn) reset() {
	c.mu.Lock()
	c.cut = true
	c.mu.Unlock()
	_ = c.Conn.Close()
}

// broken returns the error of a system's socket for one of the pipe's.
func (c *conn) broken(op string, err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil && c.cut {
		return &net.OpError{Op: op, Net: "tcp", Err: syscall.ECONNRESET}
	}
	return err
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	return n, c.broken("read", err)
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	return n, c.broken("write", err)
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.network.mu.Lock()
	delete(c.network.conns, c)
	c.network.mu.Unlock()
	return c.Conn.Close()
}

// taggedListener accepts connections that know which daemon dialled them.
type taggedListener struct {
	net.Listener
	daemon int
}

// Accept implements net.Listener.
func (l taggedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return taggedConn{c, l.daemon}, nil
}

type taggedConn struct {
	net.Conn
	daemon int
}
