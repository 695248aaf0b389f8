// SPDX-License-Identifier: Apache-2.0

package okms

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync/atomic"

	"ovhcloud-csi-provider/provider/conns"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/provider/sensitive"
	"ovhcloud-csi-provider/provider/wire"
)

// newTransport returns a transport with its own connections, for one login to one domain.
func newTransport(domain place.Domain, login Login, o Options) (*authenticated, error) {
	roots, err := Roots(domain.CABundle)
	if err != nil {
		return nil, err
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
	if login.Certificate != nil {
		conf.Certificates = []tls.Certificate{*login.Certificate}
	}
	pool := conns.NewPool(o.Conns, strings.HasPrefix(domain.Endpoint, "https://"))
	base := wire.NewTransport(conf, pool.Dial)
	pool.CloseIdleBy(base.CloseIdleConnections)
	tokens := login.Tokens
	if tokens == nil {
		tokens = func(context.Context, sensitive.Bytes) (sensitive.Bytes, error) { return login.Token, nil }
	}
	return &authenticated{base: base, pool: pool, tokens: tokens, userAgent: o.UserAgent,
		vault: domain.API == place.KV2}, nil
}

// Roots returns the system's certificate authorities and those of bundle, in PEM form. If
// bundle is empty, it returns nil, which crypto/tls treats as the system's. It fails if bundle
// has no certificate.
func Roots(bundle string) (*x509.CertPool, error) {
	if bundle == "" {
		return nil, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("reading the system's certificate authorities: %w", err)
	}
	if !pool.AppendCertsFromPEM([]byte(bundle)) {
		return nil, errors.New("the CA bundle holds no certificate in PEM form")
	}
	return pool, nil
}

// authenticated adds the login to each request: as a bearer token, which OKMS accepts on both
// its APIs, and for the Vault-compatible one as X-Vault-Token too, which OVHcloud's guides use. It
// reads each answer into the exchange of the request's context; vault/api sees only the status.
type authenticated struct {
	base      *wire.Transport
	pool      *conns.Pool
	tokens    func(ctx context.Context, refused sensitive.Bytes) (sensitive.Bytes, error)
	userAgent string
	vault     bool // the Vault-compatible API
}

// RoundTrip implements http.RoundTripper. The request's context must hold an exchange.
func (a *authenticated) RoundTrip(req *http.Request) (*http.Response, error) {
	x := exchangeOf(req.Context())
	token, err := a.tokens(req.Context(), sensitive.Bytes{})
	if err != nil {
		return nil, err
	}
	if err := a.send(req, x, token.Reveal()); err != nil {
		return nil, err
	}
	// A proxy's page with this status does not mean that the token is rejected.
	if x.answer.status == http.StatusUnauthorized && x.answer.refusal.known && token.Len() > 0 {
		if err := a.resend(req, x, token); err != nil {
			return nil, err
		}
	}
	x.whole = true
	// vault/api must not see anything that the server sent, not even headers.
	status := x.answer.status
	return &http.Response{Status: strconv.Itoa(status), StatusCode: status, Header: http.Header{},
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: io.NopCloser(strings.NewReader("{}")), Request: req}, nil
}

// resend repeats a request that was answered with 401, if tokens now returns a different token.
// All requests are reads: they have no body and can be repeated.
func (a *authenticated) resend(req *http.Request, x *exchange, token sensitive.Bytes) error {
	other, err := a.tokens(req.Context(), token)
	if err != nil || bytes.Equal(other.Reveal(), token.Reveal()) {
		return err
	}
	return a.send(req, x, other.Reveal())
}

// send sends the request once, and reads the answer into x.
func (a *authenticated) send(req *http.Request, x *exchange, token []byte) error {
	req = req.Clone(req.Context())
	if len(token) > 0 {
		x.sent.add(sensitive.New(token))
		req.Header.Set("Authorization", "Bearer "+string(token))
		if a.vault {
			req.Header.Set("X-Vault-Token", string(token))
		}
	}
	if a.userAgent != "" {
		req.Header.Set("User-Agent", a.userAgent)
	}
	if x.request.paged {
		req.Header.Set(headerSize, strconv.Itoa(pageSize))
		if x.request.cursor != "" {
			req.Header.Set(headerCursor, x.request.cursor)
		}
	}
	x.answer = answer{}
	a.pool.Use()
	resp, err := a.base.RoundTrip(req)
	if err != nil {
		return err
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		_ = resp.Body.Close()
		return wire.ErrSwitched
	}
	return x.read(resp)
}

// phase records the step that an exchange waits for, which a timeout's message names, and
// whether its connection is new.
type phase struct {
	now     atomic.Pointer[string]
	dialled atomic.Bool
}

// sending and answering are phases. They are variables because CompareAndSwap compares
// addresses: GotFirstResponseByte may be called before WroteRequest, so WroteRequest changes
// the phase only if it is still sending.
var sending, answering = "the request to be sent", "an answer"

func (p *phase) set(what string) { p.now.Store(&what) }

// String returns what the exchange waits for at the moment, for a message.
func (p *phase) String() string {
	if what := p.now.Load(); what != nil {
		return *what
	}
	return "a connection"
}

// trace returns hooks that update x.phase. Other goroutines call them, and may call those of
// the dial even after the exchange is over.
func (x *exchange) trace() *httptrace.ClientTrace {
	p := &x.phase
	return &httptrace.ClientTrace{
		GetConn:           func(string) { p.set("a connection") },
		DNSStart:          func(httptrace.DNSStartInfo) { p.set("the name lookup") },
		ConnectStart:      func(string, string) { p.set("the TCP connection") },
		TLSHandshakeStart: func() { p.set("the TLS handshake") },
		GotConn: func(got httptrace.GotConnInfo) {
			p.now.Store(&sending)
			p.dialled.Store(!got.Reused)
			x.conn.GotConn()
		},
		TLSHandshakeDone:     func(tls.ConnectionState, error) { x.conn.HandshakeDone() },
		WroteRequest:         func(httptrace.WroteRequestInfo) { p.now.CompareAndSwap(&sending, &answering) },
		GotFirstResponseByte: func() { p.set("the rest of the answer") },
	}
}
