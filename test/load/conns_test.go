// SPDX-License-Identifier: Apache-2.0

package load

import (
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"

	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

// startHTTP1 starts a store with one secret "s" that only speaks HTTP/1.1, and counts its
// connections.
func startHTTP1(t *testing.T) (*harness.Store, *openConns) {
	t.Helper()
	e, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	open := &openConns{}
	server := httptest.NewUnstartedServer(e)
	server.TLS = &tls.Config{NextProtos: []string{"http/1.1"}}
	server.Config.ConnState = open.note
	server.StartTLS()
	t.Cleanup(server.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	s := &harness.Store{Emulator: e, Server: &emulator.Server{URL: server.URL, CA: ca}}
	s.Hold(t, map[string]string{"s": `{"a":"1"}`})
	return s, open
}

// openConns counts the connections of a server.
type openConns struct {
	mu        sync.Mutex
	open      map[net.Conn]bool
	most, all int
}

func (c *openConns) note(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew:
		if c.open == nil {
			c.open = map[net.Conn]bool{}
		}
		c.open[conn] = true
		c.all++
		c.most = max(c.most, len(c.open))
	case http.StateClosed:
		delete(c.open, conn)
	}
}

// descriptors returns how many files this process has open, with both ends of each
// connection.
func descriptors(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("this system does not list open files")
	}
	return len(all)
}

// Over HTTP/1.1 each concurrent read needs its own connection, and each token has its own
// pool. The test counts descriptors, so it is not parallel.
func TestConnectionsOfAllClientsAreBounded(t *testing.T) {
	store, open := startHTTP1(t)
	d := harness.Start(t, harness.Options{Emulator: store, MemoryLimit: 64 << 20})
	before := descriptors(t)
	var lines []string
	for i := range 32 {
		path := fmt.Sprintf("many/%d", i)
		store.Hold(t, map[string]string{path: `{"a":"1"}`})
		lines = append(lines, "- secretPath: "+path, fmt.Sprintf("  objectName: f%d", i), "  secretKey: a")
	}
	const mounts = 24
	for i := range mounts {
		token := fmt.Sprintf("eyJ.token.%d", i)
		if err := store.AddToken(token, emulator.Identity{Name: "reader"}); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Do(t.Context(), harness.Mount{Objects: harness.Lines(lines...), Token: token}); err != nil {
			t.Fatalf("mount %d: %v", i, err)
		}
		if got, most := descriptors(t)-before, 2*d.Budget.Connections+40; got > most {
			t.Fatalf("%d descriptors after mount %d, more than %d", got, i, most)
		}
	}
	open.mu.Lock()
	defer open.mu.Unlock()
	// The server notices the end of a connection later than the client.
	if most := 2 * d.Budget.Connections; open.most > most {
		t.Errorf("%d connections were open at once, more than %d", open.most, most)
	}
	if least := 4 * d.Budget.Connections; open.all < least {
		t.Errorf("only %d connections for %d mounts of 32 reads", open.all, mounts)
	}
}
