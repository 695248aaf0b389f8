// SPDX-License-Identifier: Apache-2.0

// Package fairhttp serves HTTP so that no client can keep the server busy: connections are
// limited, in all and per source, each has one request, and one second to send it.
package fairhttp

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Bounds of the open connections to the admin address. It is open to the whole
// cluster unless a NetworkPolicy says otherwise, so one source must not be able to
// use up what the others need.
const (
	maxAdminConns          = 256
	maxAdminConnsPerSource = 32
)

// adminWriteTimeout bounds one write to an admin connection. A client that does not
// read its answer for so long is disconnected, since its handler cannot be evicted.
const adminWriteTimeout = 2 * time.Second

// endTimeout is how long a client may take to read the end of its answer, and to close its end.
const endTimeout = time.Second

// New returns a server that no client can keep busy: it serves one request a
// connection, and the client has one second to send it.
func New(handler http.Handler) *http.Server {
	admin := &http.Server{Handler: whileBusy(handler), ConnContext: withAdminConn, ReadHeaderTimeout: time.Second,
		ReadTimeout:  time.Second,
		WriteTimeout: 15 * time.Second, MaxHeaderBytes: 8 << 10}
	admin.SetKeepAlivesEnabled(false)
	return admin
}

// Limit returns a listener that limits the open connections of l, in all and per source.
func Limit(l net.Listener) net.Listener { return &adminListener{Listener: l} }

// adminListener is a listener that bounds the open connections, in all and per source.
// At a bound it closes the oldest idle connection to make room for the new one: of the
// same source if the source is at its bound, else of any source. A connection is idle
// unless a handler is running for it. If none is idle, the new connection is closed.
//
// It never waits for room. A listener that waits can be blocked by connections that
// send nothing.
type adminListener struct {
	net.Listener
	mu    sync.Mutex
	conns []*adminConn // open, in the order in which they were accepted
}

// Accept implements net.Listener. It returns the next connection that has room.
func (l *adminListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		leaveNothing(c)
		if admitted := l.admit(c); admitted != nil {
			return admitted, nil
		}
		_ = c.Close()
	}
}

// sendBuffer is what the kernel may hold of an answer that its client does not read, in
// bytes. The handler waits for the rest, and so the connection is counted.
const sendBuffer = 16 << 10

// receiveBuffer is what the kernel may hold of what a client sends, and what Close reads of it, in
// bytes. A request has 8 KiB at most.
const receiveBuffer = 16 << 10

// leaveNothing keeps the kernel from holding what a client has not read when its
// connection is closed: that would be memory of the container that no budget counts. Close
// waits before.
func leaveNothing(c net.Conn) {
	if tcp, is := c.(*net.TCPConn); is { // errors leave the system's own settings
		_ = tcp.SetWriteBuffer(sendBuffer)
		_ = tcp.SetReadBuffer(receiveBuffer)
		_ = tcp.SetLinger(0)
	}
}

// admit adds a connection, and closes the one that it replaces. It returns nil if there
// is no room.
func (l *adminListener) admit(c net.Conn) *adminConn {
	admitted := &adminConn{Conn: c, listener: l, source: sourceOf(c.RemoteAddr())}
	l.mu.Lock()
	evicted, room := l.makeRoom(admitted.source)
	if room {
		l.conns = append(l.conns, admitted)
	}
	l.mu.Unlock()
	if evicted != nil {
		_ = evicted.Conn.Close()
	}
	if !room {
		return nil
	}
	return admitted
}

// makeRoom removes the connection that a new one of source replaces. evicted is nil if
// there is room already, or if there is none.
func (l *adminListener) makeRoom(source netip.Prefix) (evicted *adminConn, room bool) {
	ofSource := 0
	for _, c := range l.conns {
		if c.source == source {
			ofSource++
		}
	}
	atBound := ofSource >= maxAdminConnsPerSource
	if !atBound && len(l.conns) < maxAdminConns {
		return nil, true
	}
	i := slices.IndexFunc(l.conns, func(c *adminConn) bool { return !c.busy && (!atBound || c.source == source) })
	if i < 0 {
		return nil, false
	}
	evicted = l.conns[i]
	l.conns = slices.Delete(l.conns, i, i+1)
	return evicted, true
}

func (l *adminListener) remove(c *adminConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.Index(l.conns, c); i >= 0 {
		l.conns = slices.Delete(l.conns, i, i+1)
	}
}

// sourceOf returns the unit that the bound per source counts: an IPv4 address, or the
// /64 network of an IPv6 address, since one host can use all addresses of its /64.
func sourceOf(remote net.Addr) netip.Prefix {
	tcp, ok := remote.(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}
	}
	return sourceOfAddress(tcp.AddrPort().Addr())
}

func sourceOfAddress(address netip.Addr) netip.Prefix {
	address = address.Unmap().WithZone("")
	bits := 32
	if address.Is6() {
		bits = 64
	}
	source, err := address.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return source
}

// adminConn is an open connection to the admin address.
type adminConn struct {
	net.Conn
	listener *adminListener
	source   netip.Prefix
	busy     bool // a handler is running; guarded by listener.mu

	mu       sync.Mutex
	deadline time.Time // of writes, as the HTTP server set it
}

// Close implements net.Conn. It does not wait: the HTTP server calls it when the kernel has taken
// the whole answer, which the client may not have read yet. The client has endTimeout to do so, unless
// it closes its end or sends more than receiveBuffer before. Until then the connection is counted,
// and may be evicted.
func (c *adminConn) Close() error {
	if tcp, is := c.Conn.(*net.TCPConn); is && tcp.CloseWrite() == nil {
		go func() {
			_ = tcp.SetReadDeadline(time.Now().Add(endTimeout))
			_, _ = io.Copy(io.Discard, io.LimitReader(tcp, receiveBuffer))
			c.listener.remove(c)
			_ = tcp.Close()
		}()
		return nil
	}
	c.listener.remove(c)
	return c.Conn.Close()
}

// SetWriteDeadline implements net.Conn.
func (c *adminConn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	return c.Conn.SetWriteDeadline(t)
}

// Write implements net.Conn. It fails after adminWriteTimeout, or at the deadline of
// SetWriteDeadline if that is earlier.
func (c *adminConn) Write(b []byte) (int, error) {
	end := time.Now().Add(adminWriteTimeout)
	c.mu.Lock()
	if !c.deadline.IsZero() && c.deadline.Before(end) {
		end = c.deadline
	}
	c.mu.Unlock()
	if err := c.Conn.SetWriteDeadline(end); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

func (c *adminConn) setBusy(busy bool) {
	c.listener.mu.Lock()
	defer c.listener.mu.Unlock()
	c.busy = busy
}

type adminConnKey struct{}

// withAdminConn is the http.Server.ConnContext by which whileBusy finds the connection.
func withAdminConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, adminConnKey{}, c)
}

// whileBusy protects a connection from eviction while the handler runs. A handler runs
// only after a whole request header was received.
func whileBusy(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, ok := r.Context().Value(adminConnKey{}).(*adminConn); ok {
			c.setBusy(true)
			defer c.setBusy(false)
		}
		handler.ServeHTTP(w, r)
	})
}
