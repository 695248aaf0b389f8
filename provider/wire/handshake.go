// SPDX-License-Identifier: Apache-2.0

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

// Limits of what a server may send before the TLS handshake is complete. crypto/tls accepts any
// number of certificates in 256 KiB. It keeps them decoded, which takes many times their size,
// as long as the connection is open. A usual chain has at most four certificates and 8 KiB.
const (
	maxHandshake    = 32 << 10 // bytes, including the answer of a proxy
	maxCertificates = 10
)

// Limits of what a server may send over TLS, in bytes. Over HTTP/2, a server may send any number
// of frames that no reader of an answer sees, such as empty ones, even after the exchange. A
// hostile server could keep a processor busy as long as its connection is open. An answer has at
// most 1 MiB. Bytes that an exchange does not use are left to the next ones of its connection.
const (
	perExchange = 2 << 20
	perConn     = 256 << 20
)

// perStream is the flow-control window of an HTTP/2 stream in bytes: what a server may send of an
// answer before it is read.
const perStream = 128 << 10

// maxFailed is how many requests of one connection may fail until it is closed. net/http does not
// return the flow control of an answer that arrives while its request is cancelled, up to perStream
// (seen with Go 1.26). The window of a connection is 1 GiB; once it is used up, no request gets an
// answer any more, for as long as the server answers pings. One namespace could do that to others
// that share a connection of the administrator. Reads that the closing interrupts are retried.
const maxFailed = 4096

var (
	errLongHandshake = errors.New("the TLS handshake of the server is too long")
	errLongChain     = errors.New("the server sends too many certificates")
	errTooMuch       = errors.New("the server sends more than an answer takes")
)

// checkChain implements tls.Config.VerifyConnection: it refuses chains of too many certificates.
func checkChain(state tls.ConnectionState) error {
	if len(state.PeerCertificates) > maxCertificates {
		return errLongChain
	}
	return nil
}

// greeting holds the connection that a request dialled, until its TLS handshake is
// complete, and the one that the request uses. It is in the context of the dial.
type greeting struct{ conn, used atomic.Pointer[greetedConn] }

type greetingKey struct{}

// greet returns the request with g in its context, and with hooks that switch the connection
// from the limits of the handshake to those of answers.
func (g *greeting) greet(req *http.Request) *http.Request {
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
				g.used.Store(conn)
			}
		},
	}))
}

// failed counts a request without an answer for the connection that it used, if any. It closes
// the connection after maxFailed.
func (g *greeting) failed() {
	if conn := g.used.Load(); conn != nil && conn.failed.Add(1) >= maxFailed {
		_ = conn.Close()
	}
}

// greetedOf returns the greetedConn below a TLS connection; nil if there is none.
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

// bounded returns dial with the limits of greetedConn. They apply only to dials whose
// context has a greeting.
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

// greetedConn is a connection whose Read fails when a limit is exceeded. Only one goroutine
// at a time may call Read.
type greetedConn struct {
	net.Conn
	left    int // bytes until the TLS handshake is complete
	agreed  atomic.Bool
	allowed atomic.Int64 // bytes after the handshake; each exchange adds to it
	failed  atomic.Int64 // requests; see maxFailed
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

// allow adds the bytes of one more exchange, up to perConn.
func (c *greetedConn) allow() {
	if c.allowed.Add(perExchange) > perConn {
		c.allowed.Store(perConn)
	}
}
