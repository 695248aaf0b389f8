// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"

	"ovhcloud-csi-provider/server"
	"ovhcloud-csi-provider/test/memnet"
)

// Bubble is a test in simulated time: the time moves only when all goroutines of the test
// wait, and then at once to the next time that one of them waits for. So the test does not
// depend on the speed of the machine. The functions of this package know a Bubble, and give it
// stores and daemons that are reached in memory: to wait for a socket would stop the time.
type Bubble struct {
	*testing.T

	mu        sync.Mutex
	listeners map[string]*memnet.Listener // by host:port, also those that are closed
	ports     int                         // given so far
}

// InBubble runs a parallel test in simulated time. See testing/synctest for what it must not
// do: all goroutines that it starts must end with it.
func InBubble(t *testing.T, test func(t *Bubble)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		t.Cleanup(func() { time.Sleep(2 * time.Second) }) // runs last: no time passes after it, so all must have ended
		test(&Bubble{T: t, listeners: map[string]*memnet.Listener{}})
	})
}

// RunInBubble runs a parallel subtest in simulated time.
func RunInBubble(t *testing.T, name string, test func(t *Bubble)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { InBubble(t, test) })
}

// listen listens at an address; "" means a free one.
func (b *Bubble) listen(address string) *memnet.Listener {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ports++
	address = cmp.Or(address, fmt.Sprint("127.0.0.1:", b.ports))
	if l := b.listeners[address]; l != nil && !l.Closed() {
		panic("harness: " + address + " is in use")
	}
	l := memnet.Listen(address)
	b.listeners[address] = l
	return l
}

// dial opens a connection to an address. No host name is known.
func (b *Bubble) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if host, _, _ := net.SplitHostPort(address); net.ParseIP(host) == nil {
		err := &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	b.mu.Lock()
	l := b.listeners[address]
	b.mu.Unlock()
	if l == nil {
		return nil, memnet.Refused()
	}
	return l.Dial(ctx)
}

// http returns a client that leaves no connection open.
func (b *Bubble) http() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: b.dial, DisableKeepAlives: true}}
}

// inMemory gives the daemon addresses of the Bubble, and returns what serves there.
func (d *Daemon) inMemory(b *Bubble, c server.Config) (run func(context.Context) error) {
	calls, admin := b.listen(""), b.listen("")
	d.Admin = "http://" + admin.Addr().String()
	d.Client = client(b, "passthrough:///"+calls.Addr().String(), grpc.WithContextDialer(
		func(ctx context.Context, address string) (net.Conn, error) { return b.dial(ctx, "tcp", address) }))
	return func(ctx context.Context) error { return server.ServeOn(ctx, c, calls, admin) }
}
