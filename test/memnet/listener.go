// SPDX-License-Identifier: Apache-2.0

// Package memnet is a network in memory, for tests in simulated time: to wait for a socket would stop the time of a
// bubble of testing/synctest.
//
// It is used instead of google.golang.org/grpc/test/bufconn, which sets timers that end at once: if two goroutines of a
// bubble do that at the same time, Go 1.26 crashes under the race detector.
package memnet

import (
	"context"
	"net"
	"os"
	"sync"
	"syscall"
)

// Listener accepts the connections of its Dial. It implements net.Listener.
type Listener struct {
	address address
	dialled chan net.Conn
	closed  chan struct{}
	close   sync.Once
}

// Listen returns a listener whose address is only a name: nothing else can dial it.
func Listen(at string) *Listener {
	return &Listener{address: address(at), dialled: make(chan net.Conn), closed: make(chan struct{})}
}

// Dial opens a connection when Accept takes it. If the listener is closed, the error is ECONNREFUSED.
func (l *Listener) Dial(ctx context.Context) (net.Conn, error) {
	ours, theirs := connect(l.address)
	select {
	case l.dialled <- theirs:
		return ours, nil
	case <-l.closed:
		return nil, Refused()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Refused returns the error of a Dial to a host where nothing listens.
func Refused() error {
	return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
}

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.dialled:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Addr implements net.Listener.
func (l *Listener) Addr() net.Addr { return l.address }

// Close implements net.Listener. Connections that are accepted stay open.
func (l *Listener) Close() error {
	err := net.ErrClosed
	l.close.Do(func() {
		close(l.closed)
		err = nil
	})
	return err
}

// Closed reports whether Close was called.
func (l *Listener) Closed() bool {
	select {
	case <-l.closed:
		return true
	default:
		return false
	}
}

// address is that of a listener, and of both ends of its connections.
type address string

// Network implements net.Addr.
func (address) Network() string { return "tcp" }

// String implements net.Addr.
func (a address) String() string { return string(a) }
