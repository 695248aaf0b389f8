// SPDX-License-Identifier: Apache-2.0

package quota

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestANamespaceLeavesRoomForOthers(t *testing.T) {
	q := New(100, Options{})
	fill := func(who string) (n int) {
		for q.Take(who, 1) {
			n++
		}
		return n
	}
	if got := [3]int{fill("a"), fill("b"), fill("c")}; got != [3]int{50, 25, 12} {
		t.Errorf("the namespaces hold %v", got)
	}
	q.Give("a", 50)
	if more := fill("c"); more != 25 {
		t.Errorf("after a gave everything back, c takes %d more", more)
	}
	if q.Held("a") != 0 || q.Used() != 62 || q.Total() != 100 || q.Most() != 50 {
		t.Errorf("held %d, used %d", q.Held("a"), q.Used())
	}
}

func TestFirstFits(t *testing.T) {
	q := New(100, Options{FirstFits: true})
	if !q.Take("a", 70) || q.Take("a", 1) || !q.Take("b", 20) || q.Take("b", 5) || q.Take("c", 20) ||
		q.Wait(t.Context(), "c", 101) || q.Most() != 100 {
		t.Errorf("a holds %d, b %d", q.Held("a"), q.Held("b"))
	}
	q = New(100, Options{})
	if q.Take("a", 51) || q.Wait(t.Context(), "a", 51) || !q.TakeAny(100) || q.TakeAny(1) {
		t.Error("one namespace can take more than half")
	}
}

func TestNamespacesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(4, Options{}) // at most two for one namespace
		var got []string
		var mu sync.Mutex
		var all sync.WaitGroup
		defer all.Wait()
		begin := func(who string, name string) {
			all.Go(func() {
				if !q.Wait(t.Context(), who, 1) {
					return
				}
				mu.Lock()
				got = append(got, name)
				mu.Unlock()
				time.Sleep(time.Second)
				q.Give(who, 1)
			})
			synctest.Wait()
		}
		for i := range 100 {
			begin("crowd", fmt.Sprint("crowd", i))
		}
		begin("other", "other") // takes a free unit at once
		begin("third", "third")
		time.Sleep(time.Second)
		synctest.Wait()
		mu.Lock()
		seen := slices.Clone(got)
		mu.Unlock()
		if len(seen) < 5 || seen[0] != "crowd0" || seen[1] != "crowd1" || seen[2] != "other" {
			t.Fatalf("served in the order %v", seen)
		}
		third := false
		for _, name := range seen[3:5] {
			third = third || name == "third"
		}
		if !third {
			t.Errorf("the third namespace waits for every waiter of the others: %v", seen)
		}
	})
}

func TestCancelledWaiterLeavesTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(10, Options{})
		if !q.Take("a", 5) || q.Take("a", 1) || q.Wait(t.Context(), "a", 6) {
			t.Fatal("more than its share was granted")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		large := make(chan bool)
		go func() { large <- q.Wait(ctx, "a", 5) }()
		synctest.Wait()
		small := make(chan bool)
		go func() { small <- q.Wait(t.Context(), "a", 2) }()
		synctest.Wait()
		q.Give("a", 3) // not enough for the first waiter, which keeps its place
		if <-large {
			t.Error("the first waiter was granted units that are in use")
		}
		if !<-small || q.Held("a") != 4 {
			t.Errorf("the next waiter holds %d", q.Held("a"))
		}
		if len(q.line.of) != 0 || q.line.turns.Len() != 0 {
			t.Error("got waiters in the line, want none")
		}
	})
}

// TestTheSumIsNeverExceeded makes many goroutines take, wait, cancel and give back at random.
func TestTheSumIsNeverExceeded(t *testing.T) {
	const total = 1000
	var most int64
	var q *Quota
	var seen sync.Mutex
	q = New(total, Options{Grown: func() {
		seen.Lock()
		most = max(most, q.Used())
		seen.Unlock()
	}})
	var all sync.WaitGroup
	for i := range 64 {
		who := fmt.Sprint("ns", i%5)
		all.Go(func() {
			for range 200 {
				n := rand.Int64N(90) + 1
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rand.IntN(300))*time.Microsecond)
				if q.Wait(ctx, who, n) {
					if more := rand.Int64N(50); q.Take(who, more) {
						n += more
					}
					q.Give(who, n)
				}
				cancel()
			}
		})
	}
	all.Wait()
	if most > total || most == 0 {
		t.Errorf("at most %d of %d were used", most, total)
	}
	if q.Used() != 0 || len(q.held) != 0 {
		t.Errorf("got %d units in use by %v at the end, want 0", q.Used(), q.held)
	}
	if q.line.turns.Len() != 0 || len(q.line.of) != 0 {
		t.Error("got waiters in the line at the end, want none")
	}
}
