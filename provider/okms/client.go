package okms

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	vault "github.com/hashicorp/vault/api"

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
	Conns *Conns
}

// Client reads from one domain with one login. It keeps connections open between reads. It is
// safe for concurrent use.
type Client struct {
	vault     *vault.Client
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
	v, err := vault.NewClient(&vault.Config{
		Address:          domain.Endpoint + "/api/" + domain.ID,
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
		return nil, fmt.Errorf("making a client for %s: %w", address.Host, err)
	}
	// Remove the values of VAULT_TOKEN, VAULT_NAMESPACE and VAULT_HEADERS.
	v.ClearToken()
	v.SetHeaders(http.Header{vault.RequestHeaderName: {"true"}})
	c := &Client{vault: v, transport: transport, host: address.Host, observe: o.Observe, answers: o.Answers}
	c.hidden = append(c.hidden, login.Hidden...)
	if c.observe == nil {
		c.observe = func(context.Context, Call) {}
	}
	return c, nil
}

// Close closes idle connections. It does not interrupt reads in progress.
func (c *Client) Close() { c.transport.base.CloseIdleConnections() }

// Get reads one version of a secret. The error is nil if the read succeeded. The caller owns
// the Secret.
func (c *Client) Get(ctx context.Context, ref Ref) (Secret, *Error) {
	var query url.Values
	if ref.Version != 0 {
		query = url.Values{"version": {strconv.Itoa(ref.Version)}}
	}
	var secret Secret
	err := c.exchange(ctx, readData, ref.Path, query, func(a answer) (failed *Error) {
		secret, failed = decodeData(a, ref)
		return failed
	})
	return secret, err
}

// LatestActive returns the highest number of an active version of a secret, 0 if there
// is none, and whether any version is listed. It needs the IAM action
// okms:apikms:secret/get, which a plain read does not need; without it, the Kind is Denied.
func (c *Client) LatestActive(ctx context.Context, path string) (latest int, some bool, err *Error) {
	err = c.exchange(ctx, readVersions, path, nil, func(a answer) (failed *Error) {
		latest, some, failed = decodeLatest(a)
		return failed
	})
	return latest, some, err
}

// operation is a request for a secret: its name in Call, and the prefix of the secret's
// path in the URL.
type operation struct{ name, prefix string }

var (
	readData     = operation{"read", "secret/data/"}
	readVersions = operation{"versions", "secret/metadata/"}
)

// exchange sends one request, decodes its answer, and calls Observe. It returns nil if decode
// does.
func (c *Client) exchange(
	ctx context.Context, o operation, path string, query url.Values, decode func(answer) *Error,
) *Error {
	begin := time.Now()
	x := &exchange{ctx: ctx, all: c.answers, sent: sentTexts{all: slices.Clone(c.hidden)}}
	defer x.close()
	traced := context.WithValue(httptrace.WithClientTrace(ctx, x.trace()), exchangeKey{}, x)
	err := c.fetch(traced, o.prefix+path, query)
	var failed *Error
	if err == nil || x.whole {
		failed = decode(x.answer)
	} else {
		failed = c.failure(ctx, err, x, begin)
	}
	call := Call{API: "kv2", Operation: o.name, Host: c.host, Path: path, Status: x.answer.status,
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
func (c *Client) fetch(ctx context.Context, path string, query url.Values) error {
	resp, err := c.vault.Logical().ReadRawWithDataWithContext(ctx, path, query)
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
	case cause.Cause == wire.NodeFull || ctx.Err() != nil && x.phase.crowded.Load():
		e.Kind, e.Text = failure.NodeFull, wire.ErrFull.Error()
	case ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded):
		e.Kind, e.Text = failure.TimedOut, c.waitedText(ctx, x, time.Since(begin))
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
