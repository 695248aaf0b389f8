// SPDX-License-Identifier: Apache-2.0

package memnet

import (
	"bytes"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/nettest"
)

// open returns the ends of a connection through a listener.
func open(t *testing.T) (client, server net.Conn) {
	t.Helper()
	l := Listen("127.0.0.1:1")
	done := make(chan error)
	go func() {
		var err error
		server, err = l.Accept()
		done <- err
	}()
	client, err := l.Dial(t.Context())
	if err = errors.Join(err, <-done, l.Close()); err != nil {
		t.Fatal(err)
	}
	return client, server
}

// TestConn runs the tests of golang.org/x/net for an implementation of net.Conn.
func TestConn(t *testing.T) {
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		c1, c2 = open(t)
		return c1, c2, func() { _, _ = c1.Close(), c2.Close() }, nil
	})
}

func TestAClosedEndIsReadToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := open(t)
		want := bytes.Repeat([]byte("0123456789"), mostUnread/10)
		if _, err := server.Write(want); err != nil {
			t.Fatal(err)
		}
		_ = server.Close()
		if got, err := io.ReadAll(client); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes were read (%v), %d expected", len(got), err, len(want))
		}
		if _, err := client.Write(want); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("a write to a closed end gave %v", err)
		}
	})
}

func TestAWriteWaitsForAReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := open(t)
		_ = server.SetWriteDeadline(time.Now().Add(time.Hour))
		start := time.Now()
		n, err := server.Write(make([]byte, mostUnread+1))
		var timeout net.Error
		if n != mostUnread || !errors.As(err, &timeout) || !timeout.Timeout() || time.Since(start) != time.Hour {
			t.Errorf("%d bytes were written in %s: %v", n, time.Since(start), err)
		}
		_, _ = client.Close(), server.Close()
	})
}

func TestAListenerThatIsClosedRefuses(t *testing.T) {
	l := Listen("127.0.0.1:1")
	if l.Closed() || l.Close() != nil || !l.Closed() {
		t.Fatal("the listener was not open first and closed then")
	}
	if _, err := l.Dial(t.Context()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("Dial gave %v", err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept gave %v", err)
	}
	if err := l.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a second Close gave %v", err)
	}
}
