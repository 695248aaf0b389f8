// Package oauth gets the access tokens of an OAuth2 client, and replaces them before they
// expire. It calls only the token endpoint.
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

// Times of access tokens. Those of OVHcloud last an hour.
const (
	// A token is replaced ahead of its end when this part of its life is left.
	aheadPart = 5
	// One exchange with the token endpoint may take this long.
	exchangeTime = 20 * time.Second
	// After a failure ahead of the end, the next try waits this long.
	aheadAgain = 10 * time.Second
	// A token that OKMS refused is replaced at once, but not again within this time:
	// where OKMS refuses the identity, new tokens do not help.
	refusedAgain = 30 * time.Second
	// A token that came without a lifetime (RFC 6749 allows it) is used this long.
	unstatedLife = 5 * time.Minute
)

// Error is a failure to get an access token: of the token endpoint, not of OKMS. It holds
// no secret.
type Error struct {
	// Host is the token endpoint's.
	Host string
	// Refused says that the endpoint rejected the client. Otherwise it can be asked again
	// later.
	Refused bool
	// NodeFull says that the endpoint was not asked, since this node has too many
	// connections.
	NodeFull bool
	// Cause says whether the server's certificate or a proxy is the reason; else empty.
	Cause wire.Cause
	// Status is the HTTP status, 0 if no answer came.
	Status int
	// Text is what happened, without the host.
	Text string
}

// Error returns the host and what happened.
func (e *Error) Error() string { return e.Host + ": " + e.Text }

// Tokens gets the access tokens of an OAuth2 client and keeps the newest. Any number of
// goroutines may use it at once; they share one exchange (single flight). The caller closes
// it.
type Tokens struct {
	config clientcredentials.Config
	http   *http.Client
	host   string
	now    func() time.Time
	tell   func(status int, took time.Duration, failed *Error)

	ctx     context.Context // of exchanges, which serve many callers
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	token   sensitive.Bytes
	renew   time.Time // when to replace it ahead
	ends    time.Time
	refused time.Time // when a token was last replaced because OKMS refused it
	flight  *flight
}

// flight is one exchange in progress. token and err are valid when done is closed.
type flight struct {
	done  chan struct{}
	token sensitive.Bytes
	err   error
}

// New returns the tokens of a client, without opening a connection. roots are the
// authorities that are trusted for the token endpoint, nil for the system's. dial opens
// connections, nil for the system's. tell is called after each exchange with its HTTP
// status, 0 for none, and its failure, nil for none.
func New(c credential.Client, roots *x509.CertPool, dial wire.Dial, now func() time.Time,
	tell func(status int, took time.Duration, failed *Error)) *Tokens {
	u, err := url.Parse(c.TokenURL)
	if err != nil {
		u = &url.URL{} // parseTokenURL has read it before
	}
	base := wire.NewTransport(&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}, dial)
	base.DisableKeepAlives = true // asked once an hour: a kept connection would only grow stale
	ctx, cancel := context.WithCancel(context.Background())
	return &Tokens{
		config: clientcredentials.Config{ClientID: c.ID, ClientSecret: string(c.Secret.Reveal()), TokenURL: c.TokenURL,
			// OVHcloud refuses a request without scope (okms-api: invalid_scope).
			Scopes: []string{"all"}, AuthStyle: oauth2.AuthStyleInParams},
		http: &http.Client{
			Transport:     tokenAnswers{base},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		host: u.Host, now: now, tell: tell, ctx: ctx, cancel: cancel,
	}
}

// Host returns the host of the token endpoint, with its port if the URL has one.
func (t *Tokens) Host() string { return t.host }

// Close ends an exchange in progress and waits for that.
func (t *Tokens) Close() {
	t.cancel()
	t.running.Wait()
}

// Token returns a token that is valid for a while. refused is the one that OKMS has just
// rejected, empty for none: another one is returned, or the same if a new one would not
// help. Errors are *Error.
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
	usable := t.token.Len() > 0 && now.Before(t.ends)
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

// begin starts an exchange. The caller holds mu.
func (t *Tokens) begin() {
	f := &flight{done: make(chan struct{})}
	t.flight = f
	t.running.Go(func() {
		began := t.now()
		token, life, err := t.exchange()
		t.mu.Lock()
		defer t.mu.Unlock()
		if f.token, f.err = token, err; err == nil {
			t.token, t.ends, t.renew = token, began.Add(life), began.Add(life-life/aheadPart)
		} else {
			t.renew = t.now().Add(aheadAgain)
		}
		t.flight = nil
		close(f.done)
	})
}

// exchange asks the token endpoint once.
func (t *Tokens) exchange() (sensitive.Bytes, time.Duration, error) {
	ctx, cancel := context.WithTimeout(context.WithValue(t.ctx, oauth2.HTTPClient, t.http), exchangeTime)
	defer cancel()
	began := time.Now()
	got, err := t.config.Token(ctx)
	if err != nil {
		failed := t.failure(err)
		t.tell(failed.Status, time.Since(began), failed)
		return sensitive.Bytes{}, 0, failed
	}
	t.tell(http.StatusOK, time.Since(began), nil)
	token, err := credential.OneLine([]byte(got.AccessToken), "the access token")
	if err != nil || got.Type() != "Bearer" {
		return sensitive.Bytes{}, 0, &Error{Host: t.host, Status: http.StatusOK, Text: "the answer holds no bearer token"}
	}
	life := unstatedLife
	if !got.Expiry.IsZero() {
		life = time.Until(got.Expiry) // the library counts in the system's time
	}
	return sensitive.New(token), max(life, 0), nil
}

// errorCodes are the codes of RFC 6749 for a refusal (section 5.2) and for a fault
// (4.1.2.1). Others are not shown: an endpoint may repeat the secret there.
var (
	errorCodes = append([]string{"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client",
		"unsupported_grant_type", "invalid_scope", "access_denied"}, faults...)
	faults = []string{"server_error", "temporarily_unavailable"}
)

// failure returns what happened without quoting the answer, which may repeat the request
// and so the secret.
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
		e.Text = "unreadable answer" // what the library says of it could quote it
	}
	return e
}
