package okms

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"ovhcloud-csi-provider/provider/sensitive"
)

// maxAnswer bounds an answer in bytes. A secret is at most 64 KB (OVHcloud's
// guide), which JSON escapes can make six times as long.
const maxAnswer = 1 << 20

var (
	errAnswerTooLong = errors.New("answer longer than 1 MiB")
	// What is read of such an answer ends with no context: it is not HTTP any more.
	errSwitched       = errors.New("answered 101 Switching Protocols, which nobody asked for")
	errAnswersTooMany = errors.New("the mounts of this node read too many large secrets at once")
)

// newTransport is one pool of connections for one login to one domain. The
// proxies of the environment (HTTPS_PROXY and so on) are obeyed.
func newTransport(domain Domain, login Login, o Options) (*authenticated, error) {
	roots, err := Roots(domain.CABundle)
	if err != nil {
		return nil, err
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
	if login.Certificate != nil {
		conf.Certificates = []tls.Certificate{*login.Certificate}
	}
	base := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:    10 * time.Second,
		TLSClientConfig:        conf,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    64,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		// A connection whose other end is gone must not cost a mount its 45 s.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 5 * time.Second},
	}
	tokens := login.Tokens
	if tokens == nil {
		tokens = func(context.Context, sensitive.Bytes) (sensitive.Bytes, error) { return login.Token, nil }
	}
	return &authenticated{base: base, tokens: tokens, userAgent: o.UserAgent, answers: o.Answers}, nil
}

// Roots is the system's authorities and those of bundle; nil stands for the
// system's alone.
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

// authenticated adds the login to each request: the bearer form, which OKMS
// takes on both its APIs, and X-Vault-Token, which is what OVHcloud's guides for
// the Vault-compatible one lead to. It also bounds the answers, before
// vault/api reads them.
type authenticated struct {
	base      *http.Transport
	tokens    func(ctx context.Context, refused sensitive.Bytes) (sensitive.Bytes, error)
	userAgent string
	answers   *Quota // nil for no bound over all
}

// sentTokens are the tokens of one exchange, which no message may show.
type sentTokens struct{ all []string }

type sentTokensKey struct{}

// RoundTrip implements http.RoundTripper.
func (a *authenticated) RoundTrip(req *http.Request) (*http.Response, error) {
	token, err := a.tokens(req.Context(), sensitive.Bytes{})
	if err != nil {
		return nil, err
	}
	resp, err := a.send(req, token.Reveal())
	if err == nil && resp.StatusCode == http.StatusUnauthorized && token.Len() > 0 {
		resp, err = a.resend(req, resp, token)
	}
	if err != nil {
		return nil, err
	}
	resp.Body = &boundedBody{body: resp.Body, left: maxAnswer, all: a.answers}
	return resp, nil
}

// resend sends a request that was answered 401 once more, if there is another
// token now. Only reads come this way: they have no body and can be repeated.
func (a *authenticated) resend(req *http.Request, refused *http.Response, token sensitive.Bytes) (*http.Response, error) {
	other, err := a.tokens(req.Context(), token)
	if err == nil && bytes.Equal(other.Reveal(), token.Reveal()) {
		return refused, nil
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(refused.Body, maxAnswer))
	_ = refused.Body.Close()
	if err != nil {
		return nil, err
	}
	return a.send(req, other.Reveal())
}

func (a *authenticated) send(req *http.Request, token []byte) (*http.Response, error) {
	req = req.Clone(req.Context())
	if len(token) > 0 {
		if sent, _ := req.Context().Value(sentTokensKey{}).(*sentTokens); sent != nil {
			sent.all = append(sent.all, string(token))
		}
		req.Header.Set("Authorization", "Bearer "+string(token))
		req.Header.Set("X-Vault-Token", string(token))
	}
	if a.userAgent != "" {
		req.Header.Set("User-Agent", a.userAgent)
	}
	resp, err := a.base.RoundTrip(req)
	if err == nil && resp.StatusCode == http.StatusSwitchingProtocols {
		_ = resp.Body.Close()
		return nil, errSwitched
	}
	return resp, err
}

// boundedBody is a body that fails rather than exceed its bound, or the one of all
// answers together.
type boundedBody struct {
	body io.ReadCloser
	left int
	all  *Quota // may be nil
	has  int    // of all
}

func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p[:min(len(p), b.left+1)])
	if n > b.left {
		return 0, errAnswerTooLong
	}
	b.left -= n
	if b.all != nil && n > 0 {
		if !b.all.Take(b.has, n) {
			return 0, errAnswersTooMany
		}
		b.has += n
	}
	return n, err
}

// Close may be called again.
func (b *boundedBody) Close() error {
	if b.all != nil {
		b.all.Give(b.has)
		b.has = 0
	}
	return b.body.Close()
}

// phase is what an exchange waits for at the moment, for the message of one that
// ran out of time, and whether its connection is a new one.
type phase struct {
	now     atomic.Pointer[string]
	dialled atomic.Bool
}

// GotFirstResponseByte may be called before WroteRequest, which therefore moves on
// from sending alone. Variables, because CompareAndSwap compares addresses.
var sending, answering = "the request to be sent", "an answer"

func (p *phase) set(what string) { p.now.Store(&what) }

func (p *phase) String() string {
	if what := p.now.Load(); what != nil {
		return *what
	}
	return "a connection"
}

// trace follows an exchange. The hooks may be called by other goroutines, and
// those of dialling even after the exchange is over.
func (p *phase) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn:           func(string) { p.set("a connection") },
		DNSStart:          func(httptrace.DNSStartInfo) { p.set("the name lookup") },
		ConnectStart:      func(string, string) { p.set("the TCP connection") },
		TLSHandshakeStart: func() { p.set("the TLS handshake") },
		GotConn: func(got httptrace.GotConnInfo) {
			p.now.Store(&sending)
			p.dialled.Store(!got.Reused)
		},
		WroteRequest:         func(httptrace.WroteRequestInfo) { p.now.CompareAndSwap(&sending, &answering) },
		GotFirstResponseByte: func() { p.set("the rest of the answer") },
	}
}
