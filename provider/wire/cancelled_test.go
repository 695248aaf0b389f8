// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"testing"
	"time"
)

// client sends requests to an HTTP/2 server whose answers have 64 KiB.
type client struct {
	*Transport
	url string
}

const answerSize = 64 << 10

func newClient(t *testing.T) client {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, answerSize))
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	transport := NewTransport(&tls.Config{RootCAs: roots}, nil)
	t.Cleanup(transport.CloseIdleConnections)
	return client{transport, server.URL}
}

// get returns the connection of a request, which has ten seconds.
func (c client) get(t *testing.T) httptrace.GotConnInfo {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	got, err := c.do(t, ctx, &httptrace.ClientTrace{})
	if err != nil {
		t.Fatalf("a request: %v", err)
	}
	return got
}

// cancel sends a request that is cancelled when the first byte of the answer arrives.
func (c client) cancel(t *testing.T) {
	t.Helper()
	limited, end := context.WithTimeout(t.Context(), 10*time.Second)
	defer end()
	ctx, cancel := context.WithCancel(limited)
	defer cancel()
	_, _ = c.do(t, ctx, &httptrace.ClientTrace{GotFirstResponseByte: cancel})
	if errors.Is(limited.Err(), context.DeadlineExceeded) {
		t.Fatal("a request got no answer")
	}
}

func (c client) do(t *testing.T, ctx context.Context,
	trace *httptrace.ClientTrace) (used httptrace.GotConnInfo, err error) {
	t.Helper()
	trace.GotConn = func(got httptrace.GotConnInfo) { used = got }
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), http.MethodGet, c.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.RoundTrip(req)
	if err != nil {
		return used, err
	}
	defer resp.Body.Close()
	if resp.ProtoMajor != 2 {
		t.Fatalf("the protocol is %s", resp.Proto)
	}
	body, err := io.ReadAll(resp.Body)
	if err == nil && len(body) != answerSize {
		t.Errorf("%d bytes of %d", len(body), answerSize)
	}
	return used, err
}

// TestCancelledRequestsDoNotStallAConnection: see maxFailed. 500 answers are more than the 1 MiB
// that the window of a connection once had.
func TestCancelledRequestsDoNotStallAConnection(t *testing.T) {
	c := newClient(t)
	for range 500 {
		c.cancel(t)
	}
	if used := c.get(t); !used.Reused {
		t.Error("the connection was closed too early")
	}
}

func TestAConnectionOfManyFailedRequestsIsClosed(t *testing.T) {
	c := newClient(t)
	conn := greetedOf(c.get(t).Conn)
	for conn.failed.Store(maxFailed - 1); conn.failed.Load() < maxFailed; {
		c.cancel(t) // an answer can be faster than its cancellation
	}
	used, err := c.do(t, t.Context(), &httptrace.ClientTrace{})
	for used.Reused && err != nil { // net/http has not seen yet that it is closed
		used, err = c.do(t, t.Context(), &httptrace.ClientTrace{})
	}
	if used.Reused || err != nil {
		t.Errorf("the connection was used again: %t, %v", used.Reused, err)
	}
	if lost := int64(maxFailed) * perStream; lost > 1<<30/2 {
		t.Errorf("%d bytes of the window can be lost before that, of 1 GiB", lost)
	}
}
