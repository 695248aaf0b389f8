// SPDX-License-Identifier: Apache-2.0

package budget

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// reads reports whether another large request can be read without waiting.
func reads(t *testing.T, a *Account) (done func(), ok bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	return a.Read(ctx)
}

func TestPlacesToReadLargeRequestsAreGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(0)
		var ends []func()
		for i := range b.Readers {
			done, ok := reads(t, b.Open(string(rune('a'+i))))
			if !ok {
				t.Fatalf("place %d was refused", i+1)
			}
			ends = append(ends, done)
		}
		if _, ok := reads(t, b.Open("z")); ok {
			t.Error("got more places than there are")
		}
		ends[0]()
		if _, ok := reads(t, b.Open("z")); !ok {
			t.Error("a place that was given back cannot be taken again")
		}
	})
}

func TestWorkGivesBackItsPlaceAndItsBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, n := New(0), int64(1<<10)
		work := func(namespace string, n int64) (a *Account, end func(keep int64), ok bool) {
			t.Helper()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			a = b.Open(namespace)
			end, ok = a.Work(ctx, n)
			return a, end, ok
		}
		for name, c := range map[string]struct{ keep, want int64 }{"nothing": {0, 0}, "a part": {300, 300},
			"more than it took": {2 << 10, n}} {
			for range 100 { // more times than there are places
				a, end, ok := work("shop", n)
				if !ok || a.Held(Making) != n {
					t.Fatalf("%s: got %v, and %d bytes held", name, ok, a.Held(Making))
				}
				end(c.keep)
				end(0) // has no effect
				if a.Held(Making) != c.want || b.UsedBy(Making) != c.want {
					t.Fatalf("%s: got %d bytes held, %d in use; want %d", name, a.Held(Making), b.UsedBy(Making), c.want)
				}
				a.Close()
			}
		}
		var ends []func(int64)
		for i := range int(b.places.Total()) {
			_, end, ok := work(string(rune('a'+i)), n)
			if !ok {
				t.Fatalf("place %d was refused", i+1)
			}
			ends = append(ends, end)
		}
		used := b.UsedBy(Making)
		if a, _, ok := work("late", n); ok || a.Held(Making) != 0 || b.UsedBy(Making) != used {
			t.Errorf("without a place: got %v, and %d bytes held", ok, a.Held(Making))
		}
		for _, end := range ends {
			end(0)
		}
		if b.UsedBy(Making) != 0 || b.places.Used() != 0 {
			t.Errorf("got %d bytes and %d places in use at the end", b.UsedBy(Making), b.places.Used())
		}
	})
}

func TestANilAccountHoldsNothing(t *testing.T) {
	var a *Account
	a.Close()
	if a.Held(Making) != 0 {
		t.Error("a nil account holds bytes")
	}
	one := New(0).Open("shop")
	if !one.Take(Making, 7) || one.Held(Making) != 7 {
		t.Errorf("an account that took 7 bytes holds %d", one.Held(Making))
	}
}

// TestTheMostThatOneMountMayHave checks Most: all of Making, whose use is short, and half of
// each other part.
func TestTheMostThatOneMountMayHave(t *testing.T) {
	b := New(0)
	for stage := range b.stages {
		want := b.Parts[stage] / 2
		if stage == Making {
			want = b.Parts[stage]
		}
		if got := b.Most(stage); got != want {
			t.Errorf("stage %d: %d bytes of %d, want %d", stage, got, b.Parts[stage], want)
		}
	}
}
