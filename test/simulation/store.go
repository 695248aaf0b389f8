// SPDX-License-Identifier: Apache-2.0

package simulation

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"ovhcloud-csi-provider/test/emulator"
)

// store is one OKMS domain: an emulator, behind a network that may break what it answers.
type store struct {
	*emulator.Emulator
	w      *world
	name   string
	host   string // host:port
	url    string
	faults []*fault // under w.mu
}

// fault is something between the node and a store.
type fault struct {
	path string // part of the URL that it is about; "" is all
	kind string
	over chan struct{} // closed when it ends
}

// Request is one request that a store got, and what became of it. Times are those of the
// history; Node is the clock of the node.
type Request struct {
	Daemon int
	Store  string
	Cred   string // "" if the store does not know it
	Op     string // read, list or token
	Ref    ref

	Arrived, Decided, Ended time.Duration
	Node                    time.Duration // the node's clock when the answer ended
	Fault                   string        // what broke or replaced the answer; "" is nothing
	Answered                bool          // the whole answer was sent, and somebody waited for it
	Status, Code            int
	RetryAfter              time.Duration
	Version                 int    // of a value, or the version that is said to be gone
	Created                 string // of a value
	Data                    []byte // the value; nil if there is none
}

// ok reports whether the request got a value.
func (q *Request) ok() bool { return q.Answered && q.Data != nil }

// recorder keeps an answer of the emulator.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = cmp.Or(r.status, status) }
func (r *recorder) Write(p []byte) (int, error) { r.WriteHeader(http.StatusOK); return r.body.Write(p) }

// serve answers a request: it arrives, is decided after half of the latency, and its answer
// ends after the other half.
func (s *store) serve(w http.ResponseWriter, r *http.Request) {
	q := &Request{Daemon: daemonOf(r.Context()), Store: s.name, Arrived: s.w.now()}
	s.describe(q, r)
	f := s.w.arrived(s, q, r.URL.Path)
	latency := s.w.latency(s.name)
	pause(r.Context(), latency/2)
	f.hold(r.Context())
	if r.Context().Err() != nil {
		s.w.ended(q, false)
		panic(http.ErrAbortHandler)
	}
	answer := &recorder{header: http.Header{}}
	q.Decided = s.w.now()
	if f == nil || !f.replaces(answer, r) {
		s.ServeHTTP(answer, r)
	}
	q.read(answer)
	s.learn(q, r, answer)
	pause(r.Context(), latency/2)
	s.send(w, r, q, f, answer)
}

// send sends an answer as the fault says.
func (s *store) send(w http.ResponseWriter, r *http.Request, q *Request, f *fault, answer *recorder) {
	body := answer.body.Bytes()
	for name, values := range answer.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	kind := ""
	if f != nil {
		kind = f.kind
	}
	switch kind {
	case "drop":
		s.w.ended(q, false)
		panic(http.ErrAbortHandler)
	case "half":
		w.WriteHeader(answer.status)
		_, _ = w.Write(body[:len(body)/2])
		_ = http.NewResponseController(w).Flush()
		pause(r.Context(), 100*time.Millisecond)
		s.w.ended(q, false)
		panic(http.ErrAbortHandler)
	case "drip":
		w.WriteHeader(answer.status)
		_, _ = w.Write(body[:len(body)/2])
		_ = http.NewResponseController(w).Flush()
		pause(r.Context(), 2*time.Second)
		s.w.ended(q, r.Context().Err() == nil)
		_, _ = w.Write(body[len(body)/2:])
	default:
		s.w.ended(q, r.Context().Err() == nil)
		w.WriteHeader(answer.status)
		_, _ = w.Write(body)
	}
}

// hold waits as the fault says; a nil fault does not.
func (f *fault) hold(ctx context.Context) {
	if f == nil {
		return
	}
	switch name, value, _ := strings.Cut(f.kind, ":"); name {
	case "hang":
		select {
		case <-f.over:
		case <-ctx.Done():
		}
	case "slow":
		d, _ := time.ParseDuration(value) // verbs have checked it
		pause(ctx, d)
	}
}

// replaces writes the answer of a fault that has one of its own.
func (f *fault) replaces(answer *recorder, r *http.Request) bool {
	name, value, _ := strings.Cut(f.kind, ":")
	status, err := strconv.Atoi(name)
	switch {
	case name == "page":
		status, _ = strconv.Atoi(value)
		answer.header.Set("Content-Type", "text/html")
		answer.status = status
		fmt.Fprintf(&answer.body, "<html><body>proxy says %d</body></html>", status)
		return true
	case name == "echo":
		status = http.StatusInternalServerError
		value = ""
	case err != nil:
		return false
	}
	if value != "" {
		answer.header.Set("Retry-After", value)
	}
	answer.header.Set("Content-Type", "application/json")
	answer.status = status
	text := "injected"
	if name == "echo" {
		text = "cannot check " + r.Header.Get("Authorization") + " of " + r.Header.Get("X-Vault-Token")
	}
	fmt.Fprintf(&answer.body, `{"error_id":"","error_code":%d,"errors":[%q],"request_id":"OKMS.injected"}`,
		codeOf(status), text)
	return true
}

// codeOf returns an error code of OKMS for a status: its category is in the bits 12 to 15.
func codeOf(status int) int {
	if status == http.StatusTooManyRequests {
		return 0x03019001
	}
	return 0x03011001
}

// read keeps what an answer says.
func (q *Request) read(answer *recorder) {
	q.Status = answer.status
	if after, err := strconv.Atoi(answer.header.Get("Retry-After")); err == nil {
		q.RetryAfter = time.Duration(after) * time.Second
	}
	var body struct {
		Code int `json:"error_code"`
		Data struct {
			Data     json.RawMessage `json:"data"`
			Metadata struct {
				Version int    `json:"version"`
				Created string `json:"created_time"`
			} `json:"metadata"`
		} `json:"data"`
	}
	if json.Unmarshal(answer.body.Bytes(), &body) != nil {
		return
	}
	q.Code, q.Version, q.Created = body.Code, body.Data.Metadata.Version, body.Data.Metadata.Created
	if q.Op == "read" && q.Status == http.StatusOK && body.Data.Data != nil {
		q.Data = body.Data.Data
	}
}

// describe says what a request asks for, and who asks.
func (s *store) describe(q *Request, r *http.Request) {
	at, _ := url.PathUnescape(r.URL.Path)
	_, area, _ := strings.Cut(at, "/v1/secret/")
	switch kind, path, _ := strings.Cut(area, "/"); kind {
	case "data":
		q.Op, q.Ref.path = "read", path
		q.Ref.version, _ = strconv.Atoi(r.URL.Query().Get("version"))
	case "metadata":
		q.Op, q.Ref.path = "list", path
	default:
		q.Op = "token"
		_ = r.ParseForm() // keeps the body; see learn
		body := r.PostForm
		r.Body = readCloser{strings.NewReader(body.Encode())}
		q.Cred = s.w.credentialOf("client " + body.Get("client_id") + " " + body.Get("client_secret"))
		return
	}
	proof := r.Header.Get("X-Vault-Token")
	if proof == "" && r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		proof = fmt.Sprintf("certificate %x", sha256.Sum256(r.TLS.PeerCertificates[0].Raw))
	}
	q.Cred = s.w.credentialOf(proof)
}

// learn remembers whose an access token is that a store has just issued.
func (s *store) learn(q *Request, _ *http.Request, answer *recorder) {
	if q.Op != "token" {
		return
	}
	var body struct {
		Token string `json:"access_token"`
	}
	if json.Unmarshal(answer.body.Bytes(), &body) == nil && body.Token != "" {
		s.w.know(body.Token, q.Cred)
	}
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

// pause waits, or less if ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// site is one host: the HTTP server of the stores that are there.
type site struct {
	host   string
	server *http.Server
	stores []*store
	tls    bool
}

type daemonKey struct{}

func daemonOf(ctx context.Context) int {
	n, _ := ctx.Value(daemonKey{}).(int)
	return n
}

// ServeHTTP implements http.Handler: several domains may share a host.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for _, one := range s.stores {
		if strings.HasPrefix(r.URL.Path, "/api/"+one.OKMSID()+"/") {
			one.serve(w, r)
			return
		}
	}
	s.stores[0].serve(w, r)
}
