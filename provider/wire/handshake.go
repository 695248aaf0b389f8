package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
)

// Bounds of what a server may send before TLS is agreed on. crypto/tls takes 256 KiB of
// certificates, as many as fit, and keeps them in their decoded form, which is many times
// larger, as long as the connection is open. Chains are of four certificates and 8 KiB.
const (
	maxHandshake    = 32 << 10 // bytes, with what a proxy says before
	maxCertificates = 10
)

// Bounds of what a server may send over TLS, in bytes. Over HTTP/2 it may send any number
// of frames that no reader of an answer sees, such as empty ones, and go on when the
// exchange is over: a hostile one would keep a processor busy as long as its connection is
// kept. An answer is at most 1 MiB. What exchanges leave over is for those that go on.
const (
	perExchange = 2 << 20
	perConn     = 256 << 20
)

var (
	errLongHandshake = errors.New("the TLS handshake of the server is too long")
	errLongChain     = errors.New("the server sends too many certificates")
	errTooMuch       = errors.New("the server sends more than an answer takes")
)

// checkChain implements tls.Config.VerifyConnection.
func checkChain(state tls.ConnectionState) error {
	if len(state.PeerCertificates) > maxCertificates {
		return errLongChain
	}
	return nil
}

// greeting is the connection that a request has opened, until TLS is agreed on. The
// context of a dial has it.
type greeting struct{ conn atomic.Pointer[greetedConn] }

type greetingKey struct{}

// greet gives the request a greeting.
func greet(req *http.Request) *http.Request {
	g := &greeting{}
	ctx := context.WithValue(req.Context(), greetingKey{}, g)
	return req.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		TLSHandshakeDone: func(tls.ConnectionState, error) {
			if conn := g.conn.Load(); conn != nil {
				conn.agreed.Store(true)
			}
		},
		GotConn: func(got httptrace.GotConnInfo) {
			if conn := greetedOf(got.Conn); conn != nil {
				conn.allow()
			}
		},
	}))
}

// greetedOf is the connection below those of TLS; nil if it is not one of ours.
func greetedOf(conn net.Conn) *greetedConn {
	for {
		switch c := conn.(type) {
		case *greetedConn:
			return c
		case interface{ NetConn() net.Conn }:
			conn = c.NetConn()
		default:
			return nil
		}
	}
}

// bounded has dial bound what is read of a connection before TLS is agreed on.
func bounded(dial Dial) Dial {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		g, _ := ctx.Value(greetingKey{}).(*greeting)
		if err != nil || g == nil {
			return conn, err
		}
		greeted := &greetedConn{Conn: conn, left: maxHandshake}
		greeted.allowed.Store(perExchange)
		g.conn.Store(greeted)
		return greeted, nil
	}
}

// greetedConn fails rather than exceed the bounds. One goroutine at a time reads it.
type greetedConn struct {
	net.Conn
	left    int // until TLS is agreed on
	agreed  atomic.Bool
	allowed atomic.Int64 // after that; each exchange adds to it
}

// Read implements net.Conn.
func (c *greetedConn) Read(p []byte) (int, error) {
	if c.agreed.Load() {
		if c.allowed.Load() <= 0 {
			return 0, errTooMuch
		}
		n, err := c.Conn.Read(p)
		c.allowed.Add(-int64(n))
		return n, err
	}
	if c.left == 0 {
		return 0, errLongHandshake
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

// allow lets another exchange read.
func (c *greetedConn) allow() {
	if c.allowed.Add(perExchange) > perConn {
		c.allowed.Store(perConn)
	}
}
