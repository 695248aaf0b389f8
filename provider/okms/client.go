// SPDX-License-Identifier: Apache-2.0

package okms

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	vault "github.com/hashicorp/vault/api"

	"ovhcloud-csi-provider/provider/conns"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/provider/sensitive"
	"ovhcloud-csi-provider/provider/wire"
)

// Options of a Client. The zero value is valid.
type Options struct {
	// UserAgent is sent with each request. If empty, Go's default is sent.
	UserAgent string
	// Observe is called after each exchange, from the goroutine that made it. May be
	// nil.
	Observe func(context.Context, Call)
	// Answers limits the bytes of answers in progress, of all clients that share it. nil
	// means no limit.
	Answers *Quota
	// Conns limits the open connections of all clients that share it. nil means no limit.
	Conns *conns.Conns
}

// Client reads from one domain with one login. It keeps connections open between reads. It is
// safe for concurrent use.
type Client struct {
	vault     *vault.Client // nil for place.REST
	base      string        // the URL of the domain
	api       place.API
	transport *authenticated
	host      string
	observe   func(context.Context, Call)
	answers   *Quota            // nil for no limit
	hidden    []sensitive.Bytes // secrets that no message may show, in addition to those that were sent
}

// ClearEnvironment removes every VAULT_* variable from the process's environment.
// vault/api obeys them even where a client is configured in full, and fails on
// malformed ones. Call it once, before the first New.
func ClearEnvironment() {
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "VAULT_") {
			_ = os.Unsetenv(name)
		}
	}
}

// New returns a client. It opens no connection. It fails if the domain's CA bundle or endpoint
// is invalid. The caller closes the client.
func New(domain place.Domain, login Login, o Options) (*Client, error) {
	transport, err := newTransport(domain, login, o)
	if err != nil {
		return nil, err
	}
	address, err := url.Parse(domain.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("reading the endpoint: %w", err)
	}
	c := &Client{base: domain.Endpoint + "/api/" + domain.ID, api: domain.API, transport: transport,
		host: address.Host, observe: o.Observe, answers: o.Answers}
	if c.api == place.KV2 {
		if c.vault, err = newVault(c.base, transport); err != nil {
			return nil, fmt.Errorf("making a client for %s: %w", address.Host, err)
		}
	}
	c.hidden = append(c.hidden, login.Hidden...)
	if c.observe == nil {
		c.observe = func(context.Context, Call) {}
	}
	return c, nil
}

// newVault returns a client of the Vault-compatible API that takes nothing from the environment.
func newVault(base string, transport *authenticated) (*vault.Client, error) {
	v, err := vault.NewClient(&vault.Config{
		Address:          base,
		DisableRedirects: true,
		// The caller retries.
		MaxRetries: 0,
		CheckRetry: func(context.Context, *http.Response, error) (bool, error) { return false, nil },
		HttpClient: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	})
	if err != nil {
		return nil, err
	}
	// Remove the values of VAULT_TOKEN, VAULT_NAMESPACE and VAULT_HEADERS.
	v.ClearToken()
	v.SetHeaders(http.Header{vault.RequestHeaderName: {"true"}})
	return v, nil
}

// Close closes idle connections. It does not interrupt reads in progress.
func (c *Client) Close() { c.transport.base.CloseIdleConnections() }

// request is one request for a secret or a list.
type request struct {
	name   string // in Call
	path   string // of the secret or the folder, in Call
	target string // the path of the URL, below the API; that of REST is escaped
	query  url.Values
	paged  bool
	cursor string // of the page; "" for the first one
	kept   int    // bytes that the pages before hold of the quota
	// tooLong is the text of the Error if the answer is too long, with its cure; "" if OKMS
	// sends no such answer.
	tooLong string
}

// exchange sends one request, decodes its answer, and calls Observe. It returns nil if decode
// does.
func (c *Client) exchange(ctx context.Context, r request, decode func(answer) *Error) *Error {
	begin := time.Now()
	x := &exchange{all: c.answers, sent: sentTexts{all: slices.Clone(c.hidden)}, request: r}
	defer x.close()
	traced := context.WithValue(httptrace.WithClientTrace(x.conn.Begin(ctx), x.trace()), exchangeKey{}, x)
	err := c.fetch(traced, r)
	var failed *Error
	if err == nil || x.whole {
		failed = decode(x.answer)
	} else {
		failed = c.failure(ctx, err, x, begin)
	}
	call := Call{API: cmp.Or(string(c.api), "kv2"), Operation: r.name, Host: c.host, Path: r.path, Status: x.answer.status,
		Took: time.Since(begin), Dialled: x.phase.dialled.Load()}
	if failed == nil {
		c.observe(ctx, call)
		return nil
	}
	call.Kind, call.RequestID = failed.Kind, failed.RequestID
	c.observe(ctx, call)
	return failed
}

// fetch sends one request. The transport reads the answer into the exchange of ctx, whatever
// its status. The error is about the exchange, never about the status.
func (c *Client) fetch(ctx context.Context, r request) error {
	if c.api == place.REST {
		return c.fetchREST(ctx, r)
	}
	resp, err := c.vault.Logical().ReadRawWithDataWithContext(ctx, r.target, r.query)
	if resp != nil {
		_ = resp.Body.Close()
	}
	return err
}

// fetchREST is fetch for the native API. It needs no http.Client, which would follow redirects
// and keep cookies.
func (c *Client) fetchREST(ctx context.Context, r request) error {
	address := c.base + r.target
	if query := r.query.Encode(); query != "" {
		address += "?" + query
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	resp, err := c.transport.RoundTrip(req)
	if resp != nil {
		_ = resp.Body.Close()
	}
	return err
}

// failure returns the Error of an exchange without a complete answer.
func (c *Client) failure(ctx context.Context, err error, x *exchange, begin time.Time) *Error {
	if own := new(Error); errors.As(err, &own) {
		return own // returned by Login.Tokens
	}
	e := &Error{Status: x.answer.status}
	cause := wire.Explain(err)
	switch {
	case cause.Cause == wire.NodeFull || ctx.Err() != nil && x.conn.Crowded():
		e.Kind, e.Text = failure.NodeFull, wire.ErrFull.Error()
	case ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded):
		e.Kind, e.Text = failure.TimedOut, c.waitedText(ctx, x, time.Since(begin))
	case errors.Is(err, errAnswerTooLong) && x.request.tooLong != "":
		e.Kind, e.Text = failure.TooLarge, x.request.tooLong
	case errors.Is(err, errAnswerTooLong):
		e.Kind, e.Text = failure.Unreadable, c.host+": "+errAnswerTooLong.Error()
	case errors.Is(err, errAnswersTooMany):
		e.Kind, e.Text = failure.NodeFull, errAnswersTooMany.Error()
	case cause.Cause == wire.Switched:
		e.Kind, e.Text = failure.Unreadable, c.host+": "+cause.Text
	case cause.Cause.Untrusted():
		e.Kind, e.Cause, e.Text = failure.Untrusted, cause.Cause, c.host+": "+cause.Text
	case cause.Cause == wire.LoginRefused:
		e.Kind, e.Text = failure.Unauthenticated, c.host+" "+cause.Text
	case x.answer.status != 0:
		e.Kind, e.Text = failure.Unreachable, c.host+": the connection broke within the answer"
	default:
		e.Kind, e.Cause, e.Text = failure.Unreachable, cause.Cause, c.host+": "+cause.Text
	}
	return e
}

// waitedText returns the text for an exchange that ran out of time or was cancelled.
func (c *Client) waitedText(ctx context.Context, x *exchange, took time.Duration) string {
	took = took.Round(100 * time.Millisecond)
	if errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Sprintf("%s: the caller gave up after %s, while waiting for %s", c.host, took, &x.phase)
	}
	return fmt.Sprintf("%s: waited %s for %s", c.host, took, &x.phase)
}
