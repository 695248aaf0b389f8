// SPDX-License-Identifier: Apache-2.0

package memnet

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// conn is an end of a connection.
type conn struct {
	address address // of both ends
	in, out *pipe
}

// connect returns the two ends of a connection.
func connect(at address) (one, other *conn) {
	a, b := newPipe(), newPipe()
	return &conn{at, a, b}, &conn{at, b, a}
}

// Read implements net.Conn.
func (c *conn) Read(b []byte) (int, error) { return c.in.read(b) }

// Write implements net.Conn.
func (c *conn) Write(b []byte) (int, error) { return c.out.write(b) }

// Close implements net.Conn. The other end can still read what was written.
func (c *conn) Close() error {
	_ = c.in.close(&c.in.reader)
	return c.out.close(&c.out.writer)
}

// LocalAddr implements net.Conn.
func (c *conn) LocalAddr() net.Addr { return c.address }

// RemoteAddr implements net.Conn.
func (c *conn) RemoteAddr() net.Addr { return c.address }

// SetDeadline implements net.Conn.
func (c *conn) SetDeadline(t time.Time) error {
	_ = c.SetReadDeadline(t)
	return c.SetWriteDeadline(t)
}

// SetReadDeadline implements net.Conn.
func (c *conn) SetReadDeadline(t time.Time) error { return c.in.setDeadline(&c.in.reader, t) }

// SetWriteDeadline implements net.Conn.
func (c *conn) SetWriteDeadline(t time.Time) error { return c.out.setDeadline(&c.out.writer, t) }

// mostUnread is how many bytes a pipe holds before a write waits.
const mostUnread = 64 << 10

// pipe is one direction of a connection.
type pipe struct {
	mu             sync.Mutex // of all fields
	changed        sync.Cond
	unread         []byte
	reader, writer side
}

// side is the reader or the writer of a pipe.
type side struct {
	closed   bool
	deadline time.Time   // zero if there is none
	timer    *time.Timer // wakes the side at its deadline; nil if the deadline was already over
}

func newPipe() *pipe {
	p := &pipe{}
	p.changed.L = &p.mu
	return p
}

// err returns why the side can do nothing, or nil.
func (s *side) err() error {
	switch {
	case s.closed:
		return net.ErrClosed
	case !s.deadline.IsZero() && time.Until(s.deadline) <= 0:
		return os.ErrDeadlineExceeded
	}
	return nil
}

func (p *pipe) read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		switch err := p.reader.err(); {
		case err != nil:
			return 0, err
		case len(p.unread) > 0:
			n := copy(b, p.unread)
			p.unread = p.unread[n:]
			p.changed.Broadcast()
			return n, nil
		case p.writer.closed:
			return 0, io.EOF
		}
		p.changed.Wait()
	}
}

func (p *pipe) write(b []byte) (written int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		switch err := p.writer.err(); {
		case err != nil:
			return written, err
		case p.reader.closed:
			return written, io.ErrClosedPipe
		}
		n := min(len(b)-written, mostUnread-len(p.unread))
		p.unread = append(p.unread, b[written:written+n]...)
		written += n
		p.changed.Broadcast()
		if written == len(b) {
			return written, nil
		}
		p.changed.Wait()
	}
}

// close closes a side.
func (p *pipe) close(s *side) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	s.closed = true
	s.stop()
	p.changed.Broadcast()
	return nil
}

// setDeadline sets the deadline of a side; a zero time is none.
func (p *pipe) setDeadline(s *side, at time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	s.stop()
	s.deadline = at
	if left := time.Until(at); left > 0 {
		s.timer = time.AfterFunc(left, p.wake)
	}
	p.changed.Broadcast()
	return nil
}

// wake wakes a side that waits, at its deadline.
func (p *pipe) wake() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changed.Broadcast()
}

// stop stops the timer of a side.
func (s *side) stop() {
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
}
