// SPDX-License-Identifier: Apache-2.0

package okms

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/conns"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/provider/sensitive"
	"ovhcloud-csi-provider/provider/wire"
)

// crowd is a set of clients that share a limit of connections to a server of HTTP/1.1. Answers
// to the path "hang" wait until released is closed.
type crowd struct {
	t        *testing.T
	server   *httptest.Server
	conns    *conns.Conns
	hanging  chan struct{} // receives once for each request that hangs
	released chan struct{}
	dialled  atomic.Int64
}

func startCrowd(t *testing.T, most int) *crowd {
	c := &crowd{t: t, conns: conns.New(most), hanging: make(chan struct{}, 100), released: make(chan struct{})}
	c.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path[len(r.URL.Path)-4:] == "hang" {
			c.hanging <- struct{}{}
			<-c.released
		}
		_, _ = w.Write([]byte(`{"data":{"data":{},"metadata":` + goodMetadata + `}}`))
	}))
	c.server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			c.dialled.Add(1)
		}
	}
	c.server.StartTLS()
	t.Cleanup(c.server.Close)
	return c
}

func (c *crowd) client() *Client {
	c.t.Helper()
	domain := place.Domain{Endpoint: c.server.URL, ID: "734b9b45-8b1a-469c-b140-b10bd6540017",
		CABundle: authority(c.server)}
	client, err := New(domain,
		Login{Token: sensitive.New([]byte("eyJ.planted.token"))}, Options{Conns: c.conns})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(client.Close)
	return client
}

func (c *crowd) read(client *Client, path string) {
	c.t.Helper()
	if _, err := client.Get(c.t.Context(), Ref{Path: path}); err != nil {
		c.t.Error(err)
	}
}

func TestIdleConnectionsOfOtherClientsAreClosed(t *testing.T) {
	c := startCrowd(t, 2)
	oldest, older := c.client(), c.client()
	c.read(oldest, "s")
	c.read(older, "s")
	c.read(c.client(), "s")
	if got := c.dialled.Load(); got != 3 {
		t.Fatalf("got %d connections", got)
	}
	c.read(older, "s")
	if got := c.dialled.Load(); got != 3 {
		t.Errorf("the connection of the most recently used client was closed")
	}
	if open := c.conns.Open(); open > 2 {
		t.Errorf("%d connections are open", open)
	}
}

func TestAReadWaitsWhileAllConnectionsAreBusy(t *testing.T) {
	c := startCrowd(t, 2)
	done := make(chan *Error, 3)
	for range 2 {
		go func(client *Client) {
			_, err := client.Get(t.Context(), Ref{Path: "hang"})
			done <- err
		}(c.client())
		<-c.hanging
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, failed := c.client().Get(ctx, Ref{Path: "s"})
	const want = "the provider on this node has too many connections to OKMS at once"
	if failed == nil || failed.Kind != failure.NodeFull || failed.Text != want {
		t.Errorf("error = %v", failed)
	}
	if _, err := c.conns.Dial(ctx, "tcp", c.server.Listener.Addr().String()); !errors.Is(err, wire.ErrFull) {
		t.Errorf("token endpoint: %v", err)
	}
	waiting := c.client()
	go func() {
		_, err := waiting.Get(t.Context(), Ref{Path: "s"})
		done <- err
	}()
	for c.conns.Waiting() == 0 {
		runtime.Gosched()
	}
	close(c.released)
	for range 3 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestAHandshakeEndsWithItsExchange checks that a server which never completes the handshake
// cannot keep the connections of finished reads open.
func TestAHandshakeEndsWithItsExchange(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	all := conns.New(5)
	client, err := New(place.Domain{Endpoint: "https://" + silent.Addr().String()}, Login{}, Options{Conns: all})
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		if _, err := client.Get(ctx, Ref{Path: "s"}); err == nil {
			t.Error("the read succeeded")
		}
		cancel()
	}
	if open := all.Open(); open != 0 {
		t.Errorf("%d connections are open", open)
	}
}
