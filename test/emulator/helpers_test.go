// SPDX-License-Identifier: Apache-2.0

package emulator

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	adminToken  = "admin-token"
	readerToken = "reader-token"
	noneToken   = "none-token"
)

// domain is an emulator on a socket, with a client.
type domain struct {
	*Emulator
	t      *testing.T
	server *Server
	client *http.Client
}

func start(t *testing.T, o Options) *domain {
	t.Helper()
	e, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	for token, id := range map[string]Identity{
		adminToken:  {Name: "admin", Actions: []string{AllActions}},
		readerToken: {Name: "reader"},
		noneToken:   {Name: "none", Actions: []string{}},
	} {
		if err := e.AddToken(token, id); err != nil {
			t.Fatal(err)
		}
	}
	s, err := e.Start("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &domain{Emulator: e, t: t, server: s, client: newClient(t, s)}
}

func newClient(t *testing.T, s *Server, certs ...tls.Certificate) *http.Client {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(s.CA) {
		t.Fatal("the server's CA is not PEM")
	}
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: pool, Certificates: certs},
		ForceAttemptHTTP2: true,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// request is a request of a test. The zero value of a field selects a default.
type request struct {
	method string // "" means GET
	path   string // below the domain, or absolute if it begins with /
	token  string // in X-Vault-Token; "" means adminToken, "-" none
	body   string
	header http.Header
}

type reply struct {
	t      *testing.T
	status int
	header http.Header
	body   string
}

func (d *domain) try(r request) (reply, error) {
	url := d.server.URL
	if !strings.HasPrefix(r.path, "/") {
		url += "/api/" + d.OKMSID() + "/v1/"
	}
	if r.method == "" {
		r.method = http.MethodGet
	}
	req, err := http.NewRequestWithContext(context.Background(), r.method, url+r.path, strings.NewReader(r.body))
	if err != nil {
		d.t.Fatal(err)
	}
	for name, values := range r.header {
		req.Header[name] = values
	}
	switch r.token {
	case "":
		req.Header.Set("X-Vault-Token", adminToken)
	case "-":
	default:
		req.Header.Set("X-Vault-Token", r.token)
	}
	resp, err := d.client.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return reply{t: d.t, status: resp.StatusCode, header: resp.Header, body: string(body)}, err
}

func (d *domain) do(r request) reply {
	d.t.Helper()
	got, err := d.try(r)
	if err != nil {
		d.t.Fatalf("%s %s: %v", r.method, r.path, err)
	}
	return got
}

func (d *domain) get(path string) reply { d.t.Helper(); return d.do(request{path: path}) }

func (d *domain) send(method, path, body string) reply {
	d.t.Helper()
	return d.do(request{method: method, path: path, body: body})
}

// put writes a secret. data is compact JSON.
func (d *domain) put(path, data string) {
	d.t.Helper()
	if _, err := d.Put(path, data); err != nil {
		d.t.Fatal(err)
	}
}

func (r reply) want(status int) reply {
	r.t.Helper()
	if r.status != status {
		r.t.Fatalf("got status %d, want %d: %s", r.status, status, r.body)
	}
	if status != http.StatusNoContent && r.header.Get("Content-Type") != "application/json" {
		r.t.Errorf("got Content-Type %q", r.header.Get("Content-Type"))
	}
	if status == http.StatusNoContent && r.body != "" {
		r.t.Errorf("got a 204 with body %q", r.body)
	}
	return r
}

// wantError checks an OKMS error body.
func (r reply) wantError(status, code int, message string) reply {
	r.t.Helper()
	r.want(status)
	var body struct {
		ErrorID   *string         `json:"error_id"`
		ErrorCode int             `json:"error_code"`
		Errors    []string        `json:"errors"`
		RequestID string          `json:"request_id"`
		Data      json.RawMessage `json:"data"`
	}
	if err := decodeStrict([]byte(r.body), &body, false); err != nil {
		r.t.Fatalf("error body %s: %v", r.body, err)
	}
	if body.ErrorCode != code {
		r.t.Errorf("got error_code %d, want %d: %s", body.ErrorCode, code, r.body)
	}
	if joined := strings.Join(body.Errors, "\n"); !strings.Contains(joined, message) {
		r.t.Errorf("got errors %q, want %q in them", joined, message)
	}
	if body.ErrorID == nil || *body.ErrorID != "" || !strings.HasPrefix(body.RequestID, "OKMS.") {
		r.t.Errorf("error_id is not empty or request_id is not OKMS.<uuid>: %s", r.body)
	}
	return r
}

// at returns a value of the JSON body by the names of members, as compact JSON; "" if it is absent.
func (r reply) at(names ...string) string {
	r.t.Helper()
	raw := json.RawMessage(r.body)
	for _, name := range names {
		var object map[string]json.RawMessage
		if err := json.Unmarshal(raw, &object); err != nil {
			return ""
		}
		raw = object[name]
	}
	return string(raw)
}

func (r reply) wantAt(want string, names ...string) {
	r.t.Helper()
	if got := r.at(names...); got != want {
		r.t.Errorf("%s: got %s, want %s", strings.Join(names, "."), got, want)
	}
}

// clock is a time that only changes by calls of its methods.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 8, 22, 2, 24, 6, 945319214, time.UTC)} }

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *clock) advance(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.now = c.now.Add(d) }

// lockedBuffer is a log that can be written and read concurrently.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string { l.mu.Lock(); defer l.mu.Unlock(); return l.b.String() }
