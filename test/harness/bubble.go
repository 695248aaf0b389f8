// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"

	"ovhcloud-csi-provider/server"
)

// Bubble is a test in simulated time: the time moves only when all goroutines of the test
// wait, and then at once to the next time that one of them waits for. So the test does not
// depend on the speed of the machine. The functions of this package know a Bubble, and give it
// stores and daemons that are reached in memory: to wait for a socket would stop the time.
type Bubble struct {
	*testing.T

	mu        sync.Mutex
	listeners map[string]*memoryListener // open, by host:port
	ports     int                        // given so far
}

// InBubble runs a parallel test in simulated time. See testing/synctest for what it must not
// do: all goroutines that it starts must end with it.
func InBubble(t *testing.T, test func(t *Bubble)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		t.Cleanup(func() { time.Sleep(2 * linger) }) // runs last: no time passes after it, so all must have ended
		test(&Bubble{T: t, listeners: map[string]*memoryListener{}})
	})
}

// RunInBubble runs a parallel subtest in simulated time.
func RunInBubble(t *testing.T, name string, test func(t *Bubble)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { InBubble(t, test) })
}

// listen listens at an address; "" means a free one.
func (b *Bubble) listen(address string) *memoryListener {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ports++
	address = cmp.Or(address, fmt.Sprint("127.0.0.1:", b.ports))
	if b.listeners[address] != nil {
		panic("harness: " + address + " is in use")
	}
	l := &memoryListener{bubble: b, at: address, dialled: make(chan net.Conn), closed: make(chan struct{})}
	b.listeners[address] = l
	return l
}

// dial opens a connection to an address. No host name is known.
func (b *Bubble) dial(ctx context.Context, network, address string) (net.Conn, error) {
	failed := func(err error) error { return &net.OpError{Op: "dial", Net: network, Err: err} }
	refused := failed(os.NewSyscallError("connect", syscall.ECONNREFUSED))
	if host, _, _ := net.SplitHostPort(address); net.ParseIP(host) == nil {
		return nil, failed(&net.DNSError{Err: "no such host", Name: host, IsNotFound: true})
	}
	b.mu.Lock()
	l := b.listeners[address]
	b.mu.Unlock()
	if l == nil {
		return nil, refused
	}
	ours, theirs := net.Pipe()
	select {
	case l.dialled <- theirs:
		return over(ours), nil
	case <-l.closed:
		return nil, refused
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// http returns a client that leaves no connection open.
func (b *Bubble) http() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: b.dial, DisableKeepAlives: true}}
}

// inMemory gives the daemon addresses of the Bubble, and returns what serves there.
func (d *Daemon) inMemory(b *Bubble, c server.Config) (run func(context.Context) error) {
	calls, admin := b.listen(""), b.listen("")
	d.Admin = "http://" + admin.at
	d.Client = client(b, "passthrough:///"+calls.at, grpc.WithContextDialer(
		func(ctx context.Context, address string) (net.Conn, error) { return b.dial(ctx, "tcp", address) }))
	return func(ctx context.Context) error { return server.ServeOn(ctx, c, calls, admin) }
}
