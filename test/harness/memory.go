// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// memoryListener listens at an address of a Bubble. It is not a bufconn.Listener, which sets
// timers that end at once: if two goroutines of a bubble do that at the same time, Go 1.26
// crashes under the race detector.
type memoryListener struct {
	bubble  *Bubble
	at      string
	dialled chan net.Conn
	closed  chan struct{}
}

// Accept implements net.Listener.
func (l *memoryListener) Accept() (net.Conn, error) {
	select {
	case end := <-l.dialled:
		return over(end), nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Addr implements net.Listener.
func (l *memoryListener) Addr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(l.at))
}

// Close implements net.Listener.
func (l *memoryListener) Close() error {
	l.bubble.mu.Lock()
	defer l.bubble.mu.Unlock()
	if l.bubble.listeners[l.at] != l {
		return net.ErrClosed
	}
	delete(l.bubble.listeners, l.at)
	close(l.closed)
	return nil
}

// memoryConn is an end of a net.Pipe whose Write does not wait for the other end: over a
// network both ends may write at the same time, for example an alert of TLS.
type memoryConn struct {
	net.Conn

	mu     sync.Mutex
	unsent []byte
	wake   chan struct{} // has an element if there may be something unsent; closed by Close
	ended  error         // the error of each further Write
	closed bool
}

// over returns a connection over an end of a net.Pipe.
func over(end net.Conn) *memoryConn {
	c := &memoryConn{Conn: end, wake: make(chan struct{}, 1)}
	go c.send()
	return c
}

// Write implements net.Conn.
func (c *memoryConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended != nil {
		return 0, c.ended
	}
	c.unsent = append(c.unsent, p...)
	select {
	case c.wake <- struct{}{}:
	default:
	}
	return len(p), nil
}

// send sends what is written, until Close.
func (c *memoryConn) send() {
	for range c.wake {
		c.mu.Lock()
		next := c.unsent
		c.unsent = nil
		c.mu.Unlock()
		if _, err := c.Conn.Write(next); err != nil {
			c.mu.Lock()
			c.ended = err
			c.mu.Unlock()
		}
	}
	_ = c.Conn.Close()
}

// linger is for how long a closed connection still sends.
const linger = time.Second

// Close implements net.Conn.
func (c *memoryConn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	c.closed, c.ended = true, net.ErrClosed
	close(c.wake)
	return c.Conn.SetWriteDeadline(time.Now().Add(linger))
}

// SetDeadline implements net.Conn.
func (c *memoryConn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetWriteDeadline implements net.Conn. A Write does not wait, so it needs no deadline.
func (c *memoryConn) SetWriteDeadline(time.Time) error { return nil }
