package conformance

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ovhcloud-csi-provider/test/emulator"
)

// The environment of a run against a real domain.
const (
	envEndpoint = "OKMS_ENDPOINT"   // https://<region>.okms.ovh.net
	envID       = "OKMS_ID"         // the UUID of the domain
	envToken    = "OKMS_TOKEN_FILE" // a file with a PAT that may read and write secrets
	envDenied   = "OKMS_DENIED_TOKEN_FILE"
)

// pause is the time between two requests to a real domain.
const pause = 400 * time.Millisecond

// target is a domain, and the scratch folder in it. Every path that a test writes is in that folder,
// and is removed when the tests end.
type target struct {
	base, token, denied string // the URL of the domain, and the tokens; denied may be ""
	client              *http.Client
	real                bool
	folder              string // with a random name

	mu      sync.Mutex
	written []string // paths, newest last
	limited bool     // the store answered 429, or the removal began: nothing more is sent but for that
	last    time.Time
	sending sync.WaitGroup // requests of tests in progress
}

// domain is the target of all tests. TestMain sets it.
var domain *target

func TestMain(m *testing.M) {
	d, close, err := open()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	domain = d
	interrupted, _ := signal.NotifyContext(context.Background(), os.Interrupt) // until the process ends
	go func() {
		<-interrupted.Done()
		if d.real {
			fmt.Fprintln(os.Stderr, "interrupted: removing what was written")
		}
		d.remove()
		os.Exit(130)
	}()
	code := m.Run()
	if !d.remove() {
		code = 1
	}
	close()
	d.report(os.Stdout)
	os.Exit(code)
}

// open returns the domain that the environment names, or an emulator.
func open() (*target, func(), error) {
	random := make([]byte, 6)
	_, _ = rand.Read(random)
	d := &target{folder: "ovhcsi-conformance-" + hex.EncodeToString(random), client: &http.Client{Timeout: 30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	if os.Getenv(envEndpoint) == "" {
		close, err := d.openEmulator()
		return d, close, err
	}
	endpoint, err := url.Parse(os.Getenv(envEndpoint))
	if err != nil || endpoint.Scheme != "https" || endpoint.Host == "" || strings.Trim(endpoint.Path, "/") != "" {
		return nil, nil, fmt.Errorf("%s is not https://<region>.okms.ovh.net", envEndpoint)
	}
	if os.Getenv(envID) == "" || os.Getenv(envToken) == "" {
		return nil, nil, fmt.Errorf("set %s to the okmsId, and %s to a file with a token that may read and write secrets", envID, envToken)
	}
	token, err := os.ReadFile(os.Getenv(envToken))
	if err != nil {
		return nil, nil, fmt.Errorf("reading %s: %w", envToken, err)
	}
	if file := os.Getenv(envDenied); file != "" {
		denied, err := os.ReadFile(file)
		if err != nil {
			return nil, nil, fmt.Errorf("reading %s: %w", envDenied, err)
		}
		d.denied = strings.TrimSpace(string(denied))
	}
	d.real, d.base, d.token = true, "https://"+endpoint.Host+"/api/"+os.Getenv(envID), strings.TrimSpace(string(token))
	return d, func() {}, nil
}

func (d *target) openEmulator() (func(), error) {
	e, err := emulator.New(emulator.Options{})
	if err != nil {
		return nil, err
	}
	d.token, d.denied = "conformance-token", "denied-token"
	if err := e.AddToken(d.token, emulator.Identity{Name: "conformance", Actions: []string{emulator.AllActions}}); err != nil {
		return nil, err
	}
	if err := e.AddToken(d.denied, emulator.Identity{Name: "denied", Actions: []string{}}); err != nil {
		return nil, err
	}
	s, err := e.Start("")
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.CA)
	d.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	d.base = s.URL + "/api/" + e.OKMSID()
	return func() { _ = s.Close() }, nil
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
	if r.method == "" {
		r.method = http.MethodGet
	}
	req, err := http.NewRequest(r.method, d.base+r.path, strings.NewReader(r.body))
	if err != nil {
		return reply{}, err
	}
	if r.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, value := range r.header {
		req.Header.Set(name, value)
	}
	token := r.token
	if token == "" {
		token = d.token
	}
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
	if token != "-" { // messages may quote the body
		body = bytes.ReplaceAll(body, []byte(token), []byte("[redacted]"))
	}
	return reply{resp.StatusCode, resp.Header, body, resp.TLS}, err
}

// wait keeps requests to a real domain apart.
func (d *target) wait() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.real {
		time.Sleep(time.Until(d.last.Add(pause)))
		d.last = time.Now()
	}
}

// do sends a request for a test. After a 429 every test is skipped: a real domain has limits that
// others share.
func (d *target) do(t *testing.T, r request) reply {
	t.Helper()
	d.mu.Lock()
	limited := d.limited
	if !limited {
		d.sending.Add(1)
	}
	d.mu.Unlock()
	if limited {
		t.Skip("the store has limited requests, or the tests were interrupted; nothing more is sent")
	}
	got, err := d.send(r)
	d.sending.Done()
	if err != nil {
		t.Fatalf("%s %s: %v", r.method, r.path, err)
	}
	if got.status == http.StatusTooManyRequests {
		d.mu.Lock()
		d.limited = true
		d.mu.Unlock()
		answer(8, fmt.Sprintf("a 429 has Retry-After %q", got.header.Get("Retry-After")), "seen in this run")
		t.Skip("the store limits requests")
	}
	return got
}

// scratch returns a path in the scratch folder, which is removed when the tests end.
func (d *target) scratch(name string) string {
	path := d.folder + "/" + name
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Contains(d.written, path) {
		d.written = append(d.written, path)
	}
	return path
}

// remove removes every secret that was written, and reports what it could not remove.
func (d *target) remove() (all bool) {
	d.mu.Lock()
	d.limited = true
	d.mu.Unlock()
	d.sending.Wait() // what a request in progress writes is removed too
	d.mu.Lock()
	written := slices.Clone(d.written)
	d.mu.Unlock()
	all = true
	for _, path := range written {
		if !strings.HasPrefix(path, d.folder+"/") {
			panic("a path outside of the scratch folder")
		}
		got, err := d.send(request{method: http.MethodDelete, path: v2(path)})
		for tries := 0; d.real && tries < 6 && (err != nil || got.status == http.StatusTooManyRequests || got.status >= 500); tries++ {
			time.Sleep(10 * time.Second)
			got, err = d.send(request{method: http.MethodDelete, path: v2(path)})
		}
		if err != nil || !slices.Contains([]int{http.StatusNoContent, http.StatusNotFound, http.StatusBadRequest}, got.status) { // 400: no secret can have the path
			fmt.Fprintf(os.Stderr, "remove this secret by hand: %s (status %d, %v)\n", path, got.status, err)
			all = false
		}
	}
	return all
}

// v2 returns the path of a secret in the native API, and v1 that in the other one.
func v2(path string) string { return "/v2/secret/" + url.PathEscape(path) }
func v1(path string) string { return "/v1/secret/data/" + path }

// want checks the status and the error code of an answer; code 0 is none.
func (r reply) want(t *testing.T, status, code int) {
	t.Helper()
	var body struct {
		Code int `json:"error_code"`
	}
	_ = json.Unmarshal(r.body, &body)
	if r.status != status || body.Code != code {
		t.Errorf("status %d and code %d, want %d and %d: %.200s", r.status, body.Code, status, code, r.body)
	}
}

// into decodes the body.
func (r reply) into(t *testing.T, v any) {
	t.Helper()
	if err := json.NewDecoder(bytes.NewReader(r.body)).Decode(v); err != nil {
		t.Fatalf("status %d: %v", r.status, err)
	}
}

// code describes an answer for the report.
func (r reply) code() string {
	var body struct {
		Code int `json:"error_code"`
	}
	_ = json.Unmarshal(r.body, &body)
	if body.Code != 0 {
		return fmt.Sprintf("%d, code %d", r.status, body.Code)
	}
	return fmt.Sprint(r.status)
}
