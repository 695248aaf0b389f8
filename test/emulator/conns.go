package emulator

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

// closeGrace is how long a client has to close a connection it was told is over.
const closeGrace = 2 * time.Second

// connState is what a Server knows of one connection; its mutex guards it.
type connState struct {
	conn     net.Conn
	handling int  // requests being answered
	idle     bool // between requests, as net/http sees it
	doomed   bool // to be closed as soon as it is idle
	closed   chan struct{}
}

type connKey struct{}

func (s *Server) connContext(ctx context.Context, conn net.Conn) context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	return context.WithValue(ctx, connKey{}, s.know(conn))
}

// know returns the state of a connection, new or not. The caller holds s.mu.
func (s *Server) know(conn net.Conn) *connState {
	known := s.conns[conn]
	if known == nil {
		known = &connState{conn: conn, closed: make(chan struct{})}
		s.conns[conn] = known
	}
	return known
}

// track follows the connections, so that TLSAlert can drop them.
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

// sayGoodbye tells the client that the connection is over, and leaves closing
// it to the client: only so it is sure not to send a request into it.
func (c *connState) sayGoodbye() {
	if over, ok := c.conn.(*tls.Conn); !ok || over.CloseWrite() != nil {
		_ = c.conn.Close() // it never was open, or is closed; either way it is over
	}
}

// dropConnections ends the connections of all servers, those with requests in
// flight once these are answered. It returns when the clients have taken note.
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
			grace.Reset(0) // for those that follow
			_ = c.conn.Close()
		}
	}
}
