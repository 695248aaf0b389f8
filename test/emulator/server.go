// SPDX-License-Identifier: Apache-2.0

package emulator

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// Server serves an Emulator over TLS 1.2 or newer, with HTTP/1.1 and HTTP/2. The caller closes it.
type Server struct {
	URL string // https://host:port, without a path
	CA  []byte // PEM of the CA that signed the server's certificate

	emulator *Emulator
	http     *http.Server
	cancel   context.CancelFunc // ends the requests in progress
	served   chan error         // the result of Serve

	mu       sync.Mutex
	closed   bool
	handlers sync.WaitGroup
	conns    map[net.Conn]*connState
}

// Start listens on addr ("" means 127.0.0.1:0) and serves as StartOn does. The certificate is also valid for
// the host of addr.
func (e *Emulator) Start(addr string, hosts ...string) (*Server, error) {
	listener, err := net.Listen("tcp", cmp.Or(addr, "127.0.0.1:0"))
	if err != nil {
		return nil, fmt.Errorf("starting the emulator: %w", err)
	}
	asked, _, _ := net.SplitHostPort(addr)
	if ip := net.ParseIP(asked); asked != "" && (ip == nil || !ip.IsUnspecified()) {
		hosts = append([]string{asked}, hosts...)
	}
	return e.StartOn(listener, hosts...)
}

// StartOn serves on a listener, in a goroutine that Close waits for. Close also closes the listener. The
// certificate is valid for localhost, 127.0.0.1, ::1, the host of the listener, and hosts, which are DNS names
// or IP addresses.
func (e *Emulator) StartOn(listener net.Listener, hosts ...string) (*Server, error) {
	host, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting the emulator: %w", err), listener.Close())
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	config, err := e.tlsConfig(append([]string{host}, hosts...))
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	s := &Server{
		URL: "https://" + net.JoinHostPort(host, port), CA: e.CA(),
		emulator: e, served: make(chan error, 1), conns: map[net.Conn]*connState{},
	}
	s.serve(listener, config)
	return s, nil
}

func (s *Server) serve(listener net.Listener, config *tls.Config) {
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.http = &http.Server{
		Handler:           http.HandlerFunc(s.handle),
		TLSConfig:         config,
		ReadHeaderTimeout: time.Minute,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext:       s.connContext,
		ConnState:         s.track,
		// No log of refused handshakes: the client reports them, and tests cause them.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	s.emulator.serversMu.Lock()
	s.emulator.servers[s] = struct{}{}
	s.emulator.serversMu.Unlock()
	go func() { s.served <- s.http.ServeTLS(listener, "", "") }()
}

// VaultAddress returns the address for a Vault client.
func (s *Server) VaultAddress() string { return s.URL + "/api/" + s.emulator.okmsID }

// Close ends the requests in progress, including those that hang, closes the connections, and waits
// for the end. A second call does nothing.
func (s *Server) Close() error {
	s.mu.Lock()
	again := s.closed
	s.closed = true
	s.mu.Unlock()
	if again {
		return nil
	}
	s.emulator.serversMu.Lock()
	delete(s.emulator.servers, s)
	s.emulator.serversMu.Unlock()
	s.cancel()
	err := s.http.Close()
	if served := <-s.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	s.handlers.Wait()
	if err != nil {
		return fmt.Errorf("closing the emulator: %w", err)
	}
	return nil
}

// handle serves a request and counts it, so that Close can wait for it.
func (s *Server) handle(w http.ResponseWriter, r *http.Request) {
	own, _ := r.Context().Value(connKey{}).(*connState)
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		panic(http.ErrAbortHandler)
	}
	s.handlers.Add(1)
	own.handling++
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		own.handling--
		s.mu.Unlock()
		s.handlers.Done()
	}()
	s.emulator.ServeHTTP(w, r)
}
