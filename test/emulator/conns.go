// SPDX-License-Identifier: Apache-2.0

package emulator

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

// closeGrace is how long the emulator waits for a client to close a connection that it ended.
const closeGrace = 2 * time.Second

// connState is the state of one connection. The Server's mutex guards it.
type connState struct {
	conn     net.Conn
	handling int  // requests in progress
	idle     bool // between requests, as net/http reports it
	doomed   bool // it is closed as soon as it is idle
	closed   chan struct{}
}

type connKey struct{}

func (s *Server) connContext(ctx context.Context, conn net.Conn) context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	return context.WithValue(ctx, connKey{}, s.know(conn))
}

// know returns the state of a connection, and creates it for a new one. The caller holds s.mu.
func (s *Server) know(conn net.Conn) *connState {
	known := s.conns[conn]
	if known == nil {
		known = &connState{conn: conn, closed: make(chan struct{})}
		s.conns[conn] = known
	}
	return known
}

// track implements http.Server.ConnState. It follows the connections, so that TLSAlert can drop
// them.
func (s *Server) track(conn net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.know(conn)
	known.idle = state == http.StateIdle
	switch {
	case state == http.StateClosed:
		delete(s.conns, conn)
		close(known.closed)
	case known.idle && known.doomed:
		known.sayGoodbye()
	}
}

// sayGoodbye ends the server's side of the connection, and lets the client close it: only then
// the client cannot send another request on it.
func (c *connState) sayGoodbye() {
	if over, ok := c.conn.(*tls.Conn); !ok || over.CloseWrite() != nil {
		_ = c.conn.Close() // it was never open, or is closed already
	}
}

// dropConnections ends the connections of all servers; those with requests in progress after
// their answers. It returns when the clients have closed the idle ones.
func (e *Emulator) dropConnections() {
	e.serversMu.Lock()
	defer e.serversMu.Unlock()
	var waiting []*connState
	for s := range e.servers {
		s.mu.Lock()
		for _, c := range s.conns {
			c.doomed = true
			if c.idle {
				c.sayGoodbye()
			}
			if c.handling == 0 {
				waiting = append(waiting, c)
			}
		}
		s.mu.Unlock()
	}
	grace := time.NewTimer(closeGrace)
	defer grace.Stop()
	for _, c := range waiting {
		select {
		case <-c.closed:
		case <-grace.C:
			grace.Reset(0) // for the following connections
			_ = c.conn.Close()
		}
	}
}
