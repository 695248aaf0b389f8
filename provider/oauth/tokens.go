// SPDX-License-Identifier: Apache-2.0

// Package oauth gets the access tokens of an OAuth2 client and renews them before they expire. It
// calls the token endpoint only.
package oauth

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"ovhcloud-csi-provider/provider/credential"
	"ovhcloud-csi-provider/provider/sensitive"
	"ovhcloud-csi-provider/provider/wire"
)

// Times of access tokens. A token of OVHcloud is valid for an hour.
const (
	// A token is renewed when a fifth of its lifetime is left.
	renewPart = 5
	// exchangeTime is the timeout of one request to the token endpoint.
	exchangeTime = 20 * time.Second
	// retryRenewal is the wait after a failed renewal while the old token is still valid.
	retryRenewal = 10 * time.Second
	// A token that OKMS refused is replaced at once, but only once in this time: if OKMS refuses
	// the identity, new tokens do not help.
	refusedAgain = 30 * time.Second
	// defaultLife is the lifetime of a token whose answer gives none (RFC 6749 allows that).
	defaultLife = 5 * time.Minute
)

// Error is a failure to get an access token from the token endpoint. It holds no secret.
type Error struct {
	// Host is the host of the token endpoint, with its port if the URL has one.
	Host string
	// Refused is set if the endpoint refused the client. If it is not set, a retry may help.
	Refused bool
	// NodeFull is set if this node has too many connections: the endpoint was not asked.
	NodeFull bool
	// Cause is set if the server's certificate or a proxy is the cause; else empty.
	Cause wire.Cause
	// Status is the HTTP status, 0 if there was no answer.
	Status int
	// Text describes the failure, without the host.
	Text string
}

// Error returns the host and the text.
func (e *Error) Error() string { return e.Host + ": " + e.Text }

// Tokens gets the access tokens of an OAuth2 client and keeps the newest. It is safe for
// concurrent use: concurrent calls share one exchange (single flight). The caller closes it.
type Tokens struct {
	config  clientcredentials.Config
	http    *http.Client
	host    string
	now     func() time.Time
	observe func(status int, took time.Duration, failed *Error)

	ctx     context.Context // of exchanges: they outlive the call that starts them
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	token   sensitive.Bytes
	renew   time.Time // when to renew the token
	expires time.Time
	refused time.Time // when a refusal of OKMS last replaced the token
	flight  *flight
}

// flight is an exchange in progress. token and err are set before done is closed.
type flight struct {
	done  chan struct{}
	token sensitive.Bytes
	err   error
}

// New returns the tokens of a client; it opens no connection. roots are the trusted authorities of
// the token endpoint, nil for the system's. dial opens connections, nil for the system's dialer.
// now is the clock. observe is called after each exchange with the HTTP status (0 if there was no
// answer), its time and its failure (nil if there was none).
func New(c credential.Client, roots *x509.CertPool, dial wire.Dial, now func() time.Time,
	observe func(status int, took time.Duration, failed *Error)) *Tokens {
	u, err := url.Parse(c.TokenURL)
	if err != nil {
		u = &url.URL{} // credential.Parse has checked the URL
	}
	base := wire.NewTransport(&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}, dial)
	base.DisableKeepAlives = true // one request an hour: the server would close an idle connection
	ctx, cancel := context.WithCancel(context.Background())
	return &Tokens{
		config: clientcredentials.Config{ClientID: c.ID, ClientSecret: string(c.Secret.Reveal()), TokenURL: c.TokenURL,
			// OVHcloud refuses a request without a scope: invalid_scope (source: okms-api).
			Scopes: []string{"all"}, AuthStyle: oauth2.AuthStyleInParams},
		http: &http.Client{
			Transport:     tokenAnswers{base},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		host: u.Host, now: now, observe: observe, ctx: ctx, cancel: cancel,
	}
}

// Host returns the host of the token endpoint, with its port if the URL has one.
func (t *Tokens) Host() string { return t.host }

// Close cancels an exchange in progress and waits for its end.
func (t *Tokens) Close() {
	t.cancel()
	t.running.Wait()
}

// Token returns a valid access token, and waits for an exchange if there is none. refused is the
// token that OKMS has just refused, empty for none: Token replaces it, or returns it again if it
// replaced another one less than 30 seconds ago. Errors are *Error.
func (t *Tokens) Token(ctx context.Context, refused sensitive.Bytes) (sensitive.Bytes, error) {
	t.mu.Lock()
	now := t.now()
	if refused.Len() > 0 && bytes.Equal(refused.Reveal(), t.token.Reveal()) {
		if now.Sub(t.refused) < refusedAgain {
			t.mu.Unlock()
			return refused, nil
		}
		t.refused, t.token = now, sensitive.Bytes{}
	}
	usable := t.token.Len() > 0 && now.Before(t.expires)
	if t.flight == nil && (!usable || !now.Before(t.renew)) {
		t.begin()
	}
	token, f := t.token, t.flight
	t.mu.Unlock()
	if usable {
		return token, nil
	}
	select {
	case <-f.done:
		return f.token, f.err
	case <-ctx.Done():
		return sensitive.Bytes{}, &Error{Host: t.host, Text: "no answer in time"}
	}
}

// begin starts an exchange. t.mu is held.
func (t *Tokens) begin() {
	f := &flight{done: make(chan struct{})}
	t.flight = f
	t.running.Go(func() {
		began := t.now()
		token, life, err := t.exchange()
		t.mu.Lock()
		defer t.mu.Unlock()
		if f.token, f.err = token, err; err == nil {
			t.token, t.expires, t.renew = token, began.Add(life), began.Add(life-life/renewPart)
		} else {
			t.renew = t.now().Add(retryRenewal)
		}
		t.flight = nil
		close(f.done)
	})
}

// exchange sends one request to the token endpoint. It returns a token and its lifetime.
func (t *Tokens) exchange() (sensitive.Bytes, time.Duration, error) {
	ctx, cancel := context.WithTimeout(context.WithValue(t.ctx, oauth2.HTTPClient, t.http), exchangeTime)
	defer cancel()
	began := time.Now()
	got, err := t.config.Token(ctx)
	if err != nil {
		failed := t.failure(err)
		t.observe(failed.Status, time.Since(began), failed)
		return sensitive.Bytes{}, 0, failed
	}
	t.observe(http.StatusOK, time.Since(began), nil)
	token, err := credential.OneLine([]byte(got.AccessToken), "the access token")
	if err != nil || got.Type() != "Bearer" {
		return sensitive.Bytes{}, 0, &Error{Host: t.host, Status: http.StatusOK, Text: "the answer has no bearer token"}
	}
	life := defaultLife
	if !got.Expiry.IsZero() {
		life = time.Until(got.Expiry) // the library uses the system's clock
	}
	return sensitive.New(token), max(life, 0), nil
}

// errorCodes are the error codes of a refusal (RFC 6749, section 5.2) and of a fault (section
// 4.1.2.1). Messages show no other code: an endpoint may repeat the secret there.
var (
	errorCodes = append([]string{"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client",
		"unsupported_grant_type", "invalid_scope", "access_denied"}, faults...)
	faults = []string{"server_error", "temporarily_unavailable"}
)

// failure returns the Error for an error of the OAuth2 library. It does not quote the answer,
// which may repeat the request and with it the secret.
func (t *Tokens) failure(err error) *Error {
	e := &Error{Host: t.host}
	var answered *oauth2.RetrieveError
	var sent *url.Error
	var own *tokenAnswerError
	switch {
	case errors.As(err, &answered):
		e.Status = answered.Response.StatusCode
		e.Text = fmt.Sprintf("HTTP %d", e.Status)
		if slices.Contains(errorCodes, answered.ErrorCode) {
			e.Text += ", " + answered.ErrorCode
		}
		e.Refused = (e.Status == 400 || e.Status == 401 || e.Status == 403) && !slices.Contains(faults, answered.ErrorCode)
	case errors.As(err, &own):
		e.Status, e.Text = own.status, own.text
	case errors.As(err, &sent) || errors.Is(err, context.DeadlineExceeded):
		cause := wire.Explain(err)
		e.Text, e.NodeFull = cause.Text, cause.Cause == wire.NodeFull
		switch {
		case cause.Cause.Untrusted():
			e.Cause, e.Text = cause.Cause, "the server's certificate is not trusted: "+cause.Text
		case cause.Cause == wire.Proxy:
			e.Cause = wire.Proxy
		}
	default:
		e.Text = "unreadable answer" // the library's error may quote the answer
	}
	return e
}
