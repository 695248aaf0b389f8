// SPDX-License-Identifier: Apache-2.0

// Package kubetest is an API server of Kubernetes for tests: HTTPS with a CA of its own, a token,
// and the objects that the daemon uses.
package kubetest

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ovhcloud-csi-provider/server/kube"
)

// Request is one that the server got.
type Request struct {
	Method, Path, ContentType string
	Body                      string
	// Status is what it was answered.
	Status int
}

// Server is an API server. Objects are those of its lists, by path.
type Server struct {
	// API makes requests to it.
	API *kube.API
	// Dir has the files token and ca.crt.
	Dir string
	// Fault may answer a request itself; it returns false if it does not. It may be nil, and is
	// set before the first request.
	Fault func(w http.ResponseWriter, r *http.Request) bool

	mu       sync.Mutex
	token    string
	requests []Request
	objects  map[string]map[string]any
	version  int
}

// Start starts a server on loopback.
func Start(t testing.TB) *Server {
	t.Helper()
	return start(t, nil)
}

// StartInMemory starts a server without sockets, for a bubble of testing/synctest. The bubble must
// call stop before it ends.
func StartInMemory(t testing.TB) (s *Server, stop func()) {
	t.Helper()
	l := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	s = start(t, l)
	s.API.Dial = l.dial
	return s, func() {
		_ = l.Close()
		time.Sleep(10 * time.Second) // connections take up to five to close
	}
}

// Token is the first token of a server.
const Token = "planted-api-server-token"

func start(t testing.TB, l net.Listener) *Server {
	s := &Server{Dir: t.TempDir(), token: Token, objects: map[string]map[string]any{}}
	server := httptest.NewUnstartedServer(s)
	server.Config.SetKeepAlivesEnabled(false)
	if l != nil {
		_ = server.Listener.Close()
		server.Listener = l
	}
	server.StartTLS()
	if l == nil {
		t.Cleanup(server.Close)
	}
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	address := "127.0.0.1:443"
	if l == nil {
		address = server.Listener.Addr().String()
	}
	s.API = &kube.API{Address: address, Dir: s.Dir}
	s.write(t, "ca.crt", string(ca))
	s.write(t, "token", Token+"\n")
	return s
}

func (s *Server) write(t testing.TB, file, text string) {
	if err := os.WriteFile(filepath.Join(s.Dir, file), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Rotate replaces the token: the server accepts only the new one.
func (s *Server) Rotate(t testing.TB, token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = token
	s.write(t, "token", token)
}

// Put stores an object at a path.
func (s *Server) Put(path string, object map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(path, object)
}

// Object returns a copy of the object at a path, nil if there is none.
func (s *Server) Object(path string) (object map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, err := json.Marshal(s.objects[path])
	if err != nil || json.Unmarshal(text, &object) != nil {
		panic("the object is not JSON")
	}
	return object
}

// Delete removes the object at a path.
func (s *Server) Delete(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, path)
}

// Requests returns all requests until now.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Text returns all that the server got and holds, as one text.
func (s *Server) Text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, _ := json.Marshal([]any{s.requests, s.objects})
	return string(text)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	recorded := &status{ResponseWriter: w, code: http.StatusOK}
	if s.Fault == nil || !s.Fault(recorded, r) {
		s.answer(recorded, r, body)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, Request{r.Method, r.URL.EscapedPath(), r.Header.Get("Content-Type"), string(body),
		recorded.code})
}

// status notes the status of an answer.
type status struct {
	http.ResponseWriter
	code int
}

// WriteHeader implements http.ResponseWriter.
func (s *status) WriteHeader(code int) {
	s.code = code
	s.ResponseWriter.WriteHeader(code)
}

// Refuse answers as an API server refuses a request.
func Refuse(w http.ResponseWriter, code int, reason string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
		"reason": reason, "message": "something about " + Token})
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	path, sent := r.URL.Path, map[string]any{}
	if r.Header.Get("Authorization") != "Bearer "+s.token {
		Refuse(w, http.StatusUnauthorized, "Unauthorized")
		return
	}
	if r.Method != http.MethodGet && json.Unmarshal(body, &sent) != nil {
		Refuse(w, http.StatusBadRequest, "BadRequest")
		return
	}
	if r.Method == http.MethodPost {
		path += "/" + sent["metadata"].(map[string]any)["name"].(string)
		if s.objects[path] != nil {
			Refuse(w, http.StatusConflict, "AlreadyExists")
			return
		}
		s.put(path, sent)
	}
	held := s.objects[path]
	switch {
	case held == nil:
		Refuse(w, http.StatusNotFound, "NotFound")
		return
	case r.Method == http.MethodPatch && r.Header.Get("Content-Type") != "application/merge-patch+json":
		Refuse(w, http.StatusUnsupportedMediaType, "UnsupportedMediaType")
		return
	case r.Method == http.MethodPatch && conflicts(held, sent):
		Refuse(w, http.StatusConflict, "Conflict")
		return
	case r.Method == http.MethodPatch:
		merge(held, sent)
		s.put(path, held)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(s.objects[path])
}

// put stores an object with a new resourceVersion. s.mu is held.
func (s *Server) put(path string, object map[string]any) {
	s.version++
	meta, is := object["metadata"].(map[string]any)
	if !is {
		meta = map[string]any{}
		object["metadata"] = meta
	}
	meta["resourceVersion"] = strings.Repeat("v", s.version)
	s.objects[path] = object
}

// conflicts reports whether a patch is for another version of an object than the newest.
func conflicts(held, patch map[string]any) bool {
	meta, _ := patch["metadata"].(map[string]any)
	wanted := meta["resourceVersion"]
	return wanted != nil && wanted != held["metadata"].(map[string]any)["resourceVersion"]
}

// merge is a JSON merge patch (RFC 7386).
func merge(held, patch map[string]any) {
	for name, value := range patch {
		inner, isMap := value.(map[string]any)
		into, hasMap := held[name].(map[string]any)
		switch {
		case value == nil:
			delete(held, name)
		case isMap && hasMap:
			merge(into, inner)
		default:
			held[name] = value
		}
	}
}

// pipes is a listener in memory.
type pipes struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept implements net.Listener.
func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// Addr implements net.Listener.
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 443} }

// Slow is a Fault that answers after a time, or when the client gives up.
func Slow(after time.Duration) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		_ = kube.Sleep(r.Context(), after)
		Refuse(w, http.StatusInternalServerError, "")
		return true
	}
}
