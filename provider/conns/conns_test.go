// SPDX-License-Identifier: Apache-2.0

package conns

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/wire"
)

// listening returns the address of a listener that accepts nothing; it is closed with the test.
func listening(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener.Addr().String()
}

func TestAClosedConnectionIsCountedOnce(t *testing.T) {
	conns := New(2)
	conn, err := conns.Dial(t.Context(), "tcp", listening(t))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		_ = conn.Close()
	}
	if open := conns.Open(); open != 0 {
		t.Errorf("%d connections are counted", open)
	}
	if _, err := conns.Dial(t.Context(), "tcp", "127.0.0.1:1"); err == nil || conns.Open() != 0 {
		t.Errorf("%v, and %d connections are counted", err, conns.Open())
	}
}

// TestACancelledWaiterGetsNoPlace checks that a place is not given to a waiter whose context is
// done: it would never be released.
func TestACancelledWaiterGetsNoPlace(t *testing.T) {
	address, conns := listening(t), New(1)
	dial := func(most time.Duration) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(t.Context(), most)
		defer cancel()
		return conns.Dial(ctx, "tcp", address)
	}
	first, err := dial(20 * time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dial(20 * time.Millisecond); !errors.Is(err, wire.ErrFull) {
		t.Errorf("second connection: %v", err)
	}
	_ = first.Close()
	if open := conns.Open(); open != 0 {
		t.Errorf("got %d open connections after all were closed, want 0", open)
	}
	again, err := dial(20 * time.Second)
	if err != nil {
		t.Fatalf("the place was not released: %v", err)
	}
	_ = again.Close()
}

func TestNoLimit(t *testing.T) {
	var none *Conns
	pool := NewPool(none, true)
	pool.Use()
	for range 3 {
		conn, err := pool.Dial(t.Context(), "tcp", listening(t))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
}
