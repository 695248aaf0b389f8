// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"ovhcloud-csi-provider/test/emulator"
)

// target is a domain, and the scratch folder in it. Every path that a test writes is in that folder,
// and is removed when the test ends.
type target struct {
	base, token, denied string // the URL of the domain, and the tokens; denied may be ""
	client              *http.Client
	emulator            *emulator.Emulator // nil for a real domain
	real                bool
	folder              string // with a random name
	own                 string // settings that each secret gets, because those of the domain do not suit the tests
	out                 io.Writer
	close               func()
	pause, retry        time.Duration // between two requests, and before another attempt of a removal

	mu      sync.Mutex
	written []string // paths that are not removed yet
	stopped bool     // the store answered 429, or the end began: nothing more is sent but removals
	code    int      // the exit code of what ended the tests early; 0 for nothing
	last    time.Time
	sending sync.WaitGroup // requests of tests in progress
	ending  sync.Mutex     // held by the goroutine that ends the process
}

// request is one request of a test. path is below the domain, escaped.
type request struct {
	method, path string // GET by default
	body         string
	token        string // the target's by default; "-" for none
	header       map[string]string
	vault        bool // the token is sent as X-Vault-Token only
}

// reply is its answer.
type reply struct {
	status int
	header http.Header
	body   []byte
	tls    *tls.ConnectionState
}

// send sends a request, slowly to a real domain. The error is about the connection.
func (d *target) send(r request) (reply, error) {
	d.wait()
	req, err := http.NewRequest(cmp.Or(r.method, http.MethodGet), d.base+r.path, strings.NewReader(r.body))
	if err != nil {
		return reply{}, err
	}
	if r.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, value := range r.header {
		req.Header.Set(name, value)
	}
	token := cmp.Or(r.token, d.token)
	switch {
	case token == "-":
	case r.vault:
		req.Header.Set("X-Vault-Token", token)
	default:
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := d.client.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 2<<20))
	for _, secret := range []string{d.token, d.denied} {
		if secret != "" {
			body = bytes.ReplaceAll(body, []byte(secret), []byte("[redacted]"))
		}
	}
	return reply{resp.StatusCode, resp.Header, body, resp.TLS}, err
}

// wait keeps requests to a real domain apart.
func (d *target) wait() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.pause > 0 {
		time.Sleep(time.Until(d.last.Add(d.pause)))
		d.last = time.Now()
	}
}

// do sends a request for a test. After a 429 every test is skipped: a real domain has limits that
// others share.
func (d *target) do(t *testing.T, r request) reply {
	t.Helper()
	d.mu.Lock()
	stopped := d.stopped
	if !stopped {
		d.sending.Add(1)
	}
	d.mu.Unlock()
	if stopped {
		t.Skip("the store has limited requests, or the tests were ended; nothing more is sent")
	}
	got, err := d.send(r)
	d.sending.Done()
	if err != nil {
		t.Fatalf("%s %s: %v", r.method, r.path, err)
	}
	if got.status == http.StatusTooManyRequests {
		d.stop(0)
		answer(8, fmt.Sprintf("a 429 has Retry-After %q", got.header.Get("Retry-After")), "seen in this run")
		t.Skip("the store limits requests")
	}
	return got
}

// adapt reads the config of the domain, and lets the secrets of the tests have settings of their own
// if that config would fail a test though no belief is wrong. cas is sent with every write anyway.
func (d *target) adapt() {
	got, err := d.send(request{path: "/v2/secretConfig"})
	var config struct {
		CASRequired            bool
		DeactivateVersionAfter string
		MaxVersions            int
	}
	if err == nil && got.status == http.StatusOK {
		err = json.Unmarshal(got.body, &config)
	}
	if err != nil || got.status != http.StatusOK {
		fmt.Fprintf(d.out,
			"The config of the domain cannot be read (status %d): tests may fail if it has maxVersions 1, or deactivates "+
				"versions.\n", got.status)
		return
	}
	fmt.Fprintf(d.out, "The config of the domain: casRequired %t, maxVersions %d, deactivateVersionAfter %q.\n",
		config.CASRequired, config.MaxVersions, config.DeactivateVersionAfter)
	deactivates := strings.Trim(config.DeactivateVersionAfter, "0dhms") != ""
	if 0 < config.MaxVersions && config.MaxVersions < 3 || deactivates {
		d.own = `"maxVersions":10,"deactivateVersionAfter":"0s"`
		fmt.Fprintln(d.out, "So the secrets of the tests get maxVersions 10 and deactivateVersionAfter 0s.")
	}
}

// v2 returns the path of a secret in the native API, and v1 that in the other one.
func v2(path string) string { return "/v2/secret/" + url.PathEscape(path) }
func v1(path string) string { return "/v1/secret/data/" + path }

// want checks the status and the error code of an answer; code 0 is none. The answer is not quoted:
// it may hold names of the domain.
func (r reply) want(t *testing.T, status, code int) {
	t.Helper()
	if got := r.okms(); r.status != status || got.Code != code {
		t.Errorf("status %d and code %d, want %d and %d (request %q)", r.status, got.Code, status, code, got.Request)
	}
}

// okms returns what of OKMS's error object the tests look at.
func (r reply) okms() (body struct {
	Code    int    `json:"error_code"`
	Request string `json:"request_id"`
}) {
	_ = json.Unmarshal(r.body, &body)
	return body
}

// into decodes the body.
func (r reply) into(t *testing.T, v any) {
	t.Helper()
	if err := json.NewDecoder(bytes.NewReader(r.body)).Decode(v); err != nil {
		t.Fatalf("status %d: the body is not what the test expects", r.status)
	}
}

// data returns the data of a version in an answer of either API, as sent; "" for none. The tests
// wrote them, so that they may be quoted.
func (r reply) data() string {
	var body struct {
		Data    struct{ Data json.RawMessage }
		Version struct{ Data json.RawMessage }
	}
	_ = json.Unmarshal(r.body, &body)
	return string(cmp.Or(string(body.Data.Data), string(body.Version.Data)))
}

// code describes an answer for the report.
func (r reply) code() string {
	if code := r.okms().Code; code != 0 {
		return fmt.Sprintf("%d, code %d", r.status, code)
	}
	return fmt.Sprint(r.status)
}
