// SPDX-License-Identifier: Apache-2.0

// Package wire is the HTTP client that the store and the token endpoint share: the limits of a
// transport, and the explanation of failed exchanges. It explains an error by its type, with
// fixed texts, and never repeats the error's own text: net/http, crypto/tls and crypto/x509
// quote the server, and a server may send anything, even the credential that it received.
package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Dial opens a connection, as net.Dialer.DialContext does.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// DialTime is the longest time that opening a connection may take.
const DialTime = 10 * time.Second

// Transport is an http.Transport whose errors Explain can explain.
type Transport struct{ *http.Transport }

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	// Without compression: answers are short, and each gzip decoder takes 40 KiB.
	req.Header.Set("Accept-Encoding", "identity")
	g := &greeting{}
	if req.URL.Scheme == "https" {
		req = g.greet(req)
	}
	resp, err := t.Transport.RoundTrip(req)
	if err != nil {
		g.failed()
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "proxyconnect" {
		if at, _ := proxy(req); at != nil {
			return nil, &proxyUnusable{host: at.Host, cause: op.Err}
		}
	}
	return resp, err
}

// NewTransport returns a transport for short answers. It uses the proxies of the
// environment (HTTPS_PROXY and so on). It takes ownership of conf. If dial is nil, it uses
// a net.Dialer.
func NewTransport(conf *tls.Config, dial Dial) *Transport {
	if dial == nil {
		dial = (&net.Dialer{Timeout: DialTime, KeepAlive: 30 * time.Second}).DialContext
	}
	conf.VerifyConnection = checkChain
	return &Transport{&http.Transport{
		Proxy:                  proxy,
		OnProxyConnectResponse: proxyAnswered,
		DialContext:            bounded(dial),
		TLSHandshakeTimeout:    10 * time.Second,
		TLSClientConfig:        conf,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    8,
		MaxConnsPerHost:        64,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 16 << 10,
		HTTP2: &http.HTTP2Config{
			// A dead connection must not use up the 45 s of a mount.
			SendPingTimeout: 15 * time.Second, PingTimeout: 5 * time.Second,
			// These bytes are received before they are read, and so before they are counted.
			// Go's default is 4 MiB. That of a connection, 1 GiB, is kept: see maxFailed.
			MaxReceiveBufferPerStream: perStream,
		},
	}}
}

// Errors of this package about an exchange.
var (
	// ErrFull means that the limit of open connections is reached.
	ErrFull = errors.New("the provider on this node has too many connections to OKMS at once")
	// ErrSwitched means that the server answered HTTP 101. Reads of such an answer do not
	// end with the context.
	ErrSwitched = errors.New("answered 101 Switching Protocols, which was not requested")

	errProxyAddress = errors.New("the proxy that the environment names is not a valid URL")
)

// proxy does the same as http.ProxyFromEnvironment, without the URL in its error: that may
// contain a password.
func proxy(req *http.Request) (*url.URL, error) {
	at, err := http.ProxyFromEnvironment(req)
	if err != nil {
		return nil, errProxyAddress
	}
	return at, nil
}

// proxyError is a proxy's refusal to connect.
type proxyError struct {
	host   string // of the proxy
	status int
}

// Error returns what the proxy answered, in words of this program.
func (e *proxyError) Error() string {
	return fmt.Sprintf("the proxy %s refused the connection (HTTP %d)", e.host, e.status)
}

// proxyUnusable is a failed exchange with a proxy, before the proxy answered.
type proxyUnusable struct {
	host  string // of the proxy
	cause error
}

// Error returns why the proxy cannot be used.
func (e *proxyUnusable) Error() string {
	return fmt.Sprintf("the proxy %s cannot be used: %s", e.host, Explain(e.cause).Text)
}

// proxyAnswered implements http.Transport.OnProxyConnectResponse. Without it, the error of
// net/http is the proxy's text.
func proxyAnswered(_ context.Context, proxy *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	return &proxyError{host: proxy.Host, status: answer.StatusCode}
}

// Cause is the class of a failure: failures of different kinds, or with different cures,
// have different causes.
type Cause string

// The causes of failures. NoAnswer is any other failure of the network or the server.
const (
	NoAnswer         Cause = ""
	TimedOut         Cause = "timed out"
	NodeFull         Cause = "node full"         // ErrFull
	Switched         Cause = "switched"          // ErrSwitched
	Proxy            Cause = "proxy"             // the proxy refused the connection, or cannot be used
	LoginRefused     Cause = "login refused"     // the server refused the client certificate, or that there is none
	UnknownAuthority Cause = "unknown authority" // this and the following are about the server's certificate
	Expired          Cause = "expired"
	NotYetValid      Cause = "not yet valid"
	WrongName        Cause = "wrong name"
	BadCertificate   Cause = "bad certificate"
)

// Untrusted reports whether the cause is the server's certificate.
func (c Cause) Untrusted() bool {
	return slices.Contains([]Cause{UnknownAuthority, Expired, NotYetValid, WrongName, BadCertificate}, c)
}

// Failure explains why an exchange failed. Text is a fixed text of this package.
type Failure struct {
	Cause Cause
	Text  string
}

// Explain returns the Failure for the error of an exchange. Its text has no part of err's text,
// except the names of the requested host and of the proxy. err must not be nil.
func Explain(err error) Failure {
	var refused *proxyError
	var unusable *proxyUnusable
	var op *net.OpError
	switch {
	case errors.Is(err, ErrFull):
		return Failure{NodeFull, ErrFull.Error()}
	case errors.Is(err, ErrSwitched):
		return Failure{Switched, ErrSwitched.Error()}
	case errors.Is(err, errProxyAddress):
		return Failure{Proxy, errProxyAddress.Error()}
	case errors.Is(err, errLongHandshake):
		return Failure{NoAnswer, errLongHandshake.Error()}
	case errors.Is(err, errLongChain):
		return Failure{NoAnswer, errLongChain.Error()}
	case errors.Is(err, errTooMuch):
		return Failure{NoAnswer, errTooMuch.Error()}
	case errors.As(err, &refused):
		return Failure{Proxy, refused.Error()}
	case errors.As(err, &unusable):
		return Failure{Proxy, unusable.Error()}
	case errors.As(err, &op) && strings.HasPrefix(op.Op, "socks"):
		return Failure{Proxy, "the proxy refused the connection"}
	}
	for _, explain := range []func(error) Failure{certificateFailure, alertFailure, networkFailure} {
		if f := explain(err); f.Text != "" {
			return f
		}
	}
	for _, p := range phrases {
		if strings.Contains(err.Error(), p.of) {
			return Failure{NoAnswer, p.text}
		}
	}
	return Failure{NoAnswer, "the exchange failed"}
}

// networkFailure explains errors of name lookups, addresses and connections. It returns
// the zero Failure for any other error.
func networkFailure(err error) Failure {
	var lookup *net.DNSError
	switch {
	case errors.As(err, &lookup) && lookup.IsNotFound:
		return Failure{NoAnswer, "name lookup failed: no such host"}
	case errors.As(err, &lookup) && lookup.IsTimeout:
		return Failure{NoAnswer, "name lookup failed: no answer in time"}
	case errors.As(err, &lookup):
		return Failure{NoAnswer, "name lookup failed"}
	}
	for _, known := range errnos {
		if errors.Is(err, known.errno) {
			return Failure{NoAnswer, known.text}
		}
	}
	switch {
	case timedOut(err):
		return Failure{TimedOut, "no answer in time"}
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed):
		return Failure{NoAnswer, "the connection was closed"}
	case errors.As(err, new(tls.RecordHeaderError)):
		return Failure{NoAnswer, notTLS}
	}
	return Failure{}
}

// timedOut reports whether any error of the chain is a timeout. It checks each one, since an
// outer error only looks at the next one.
func timedOut(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		if timeout, is := err.(interface{ Timeout() bool }); is && timeout.Timeout() {
			return true
		}
	}
	return false
}

// errnos maps error numbers of the system to texts of this package.
var errnos = []struct {
	errno syscall.Errno
	text  string
}{
	{syscall.ECONNREFUSED, "connection refused"},
	{syscall.ECONNRESET, "the connection was reset"},
	{syscall.ECONNABORTED, "the connection was reset"},
	{syscall.EPIPE, "the connection was closed"},
	{syscall.EHOSTUNREACH, "the host is unreachable"},
	{syscall.ENETUNREACH, "the network is unreachable"},
	{syscall.ETIMEDOUT, "no answer in time"},
	{syscall.EACCES, "this node forbids the connection"},
	{syscall.EPERM, "this node forbids the connection"},
	{syscall.EADDRNOTAVAIL, "this node has no free address or port"},
	{syscall.EMFILE, "this program has too many open files"},
	{syscall.ENFILE, "this node has too many open files"},
}

const (
	notTLS    = "the server does not speak TLS"
	notHTTP   = "the answer is not HTTP"
	longHead  = "the header of the answer is too long"
	aborted   = "the server aborted the exchange"
	tlsFailed = "the TLS connection failed"
)

// phrases maps texts of errors without a type to texts of this package. A server that is quoted
// in an error can therefore only select one of these texts.
var phrases = []struct{ of, text string }{
	{"failed to parse Location header", "answered with a redirect that cannot be read"},
	{"server gave HTTP response to HTTPS client", notTLS + " but plain HTTP"},
	{"server response headers exceeded", longHead},
	{"read limit of", longHead},
	{"header list larger than", longHead},
	{"HTTP/1.x transport connection broken", notHTTP},
	{"malformed HTTP", notHTTP},
	{"malformed MIME header", notHTTP},
	{"server closed idle connection", "the connection was closed"},
	{"http2: client connection lost", "the connection was lost"},
	{"http2: ", aborted},
	{"stream error: ", aborted},
	{"connection error: ", aborted},
	{"x509: ", "the server's certificate cannot be read"},
	{"tls: ", tlsFailed},
}
