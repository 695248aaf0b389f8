// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"testing"
	"time"
)

// Await waits until ok says true, for 20 s at most. The test fails with what it waited
// for: without a deadline of its own it would hang until the time of all tests is over.
func Await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	pause := time.Millisecond
	if _, in := t.(*Bubble); in {
		pause = 100 * time.Millisecond // the pause costs nothing there, but each call of ok does
	}
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(pause) {
		if time.Now().After(deadline) {
			t.Fatalf("waited 20 s for %s", what)
		}
	}
}

// AwaitRequests waits until at least n requests have arrived since the store's journal began, for a minute at most.
func (s *Store) AwaitRequests(t testing.TB, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.Await(ctx, n); err != nil {
		t.Fatal(err)
	}
}
