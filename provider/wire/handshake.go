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

var (
	errLongHandshake = errors.New("the TLS handshake of the server is too long")
	errLongChain     = errors.New("the server sends too many certificates")
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
	}))
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
		g.conn.Store(greeted)
		return greeted, nil
	}
}

// greetedConn fails rather than exceed the bound.
type greetedConn struct {
	net.Conn
	left   int // read by one goroutine alone while TLS is not agreed on
	agreed atomic.Bool
}

// Read implements net.Conn.
func (c *greetedConn) Read(p []byte) (int, error) {
	if c.agreed.Load() {
		return c.Conn.Read(p)
	}
	if c.left == 0 {
		return 0, errLongHandshake
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}
