// SPDX-License-Identifier: Apache-2.0

package quota_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"ovhcloud-csi-provider/provider/quota"
)

// TestEachGrowthIsReported checks every way to take units: the cache evicts values when mounts
// take memory. If a growth is not reported, both together exceed the limit.
func TestEachGrowthIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		grown := 0
		q := quota.New(10, quota.Options{Grown: func() { grown++ }})
		want := func(what string, n int) {
			t.Helper()
			if grown != n {
				t.Errorf("after %s: reported %d times, want %d", what, grown, n)
			}
		}
		q.Take("a", 5)
		want("units that were taken", 1)
		q.Take("a", 5)
		want("units that were refused", 1)
		q.TakeAny(6)
		want("units of no namespace that were refused", 1)
		q.TakeAny(1)
		want("units of no namespace", 2)
		q.Give("", 1)
		want("units that were given back", 2)
		go q.Wait(t.Context(), "a", 5)
		synctest.Wait()
		want("a wait that began", 2)
		q.Give("a", 5)
		synctest.Wait()
		want("units granted to a waiter", 3)
	})
}

// TestAGrowthByAWaiterThatGivesUpIsReported checks that the next waiter of its namespace, which
// fits, counts as a growth.
func TestAGrowthByAWaiterThatGivesUpIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		grown := 0
		q := quota.New(10, quota.Options{Grown: func() { grown++ }})
		q.Take("b", 4)
		large, giveUp := context.WithCancel(t.Context())
		go q.Wait(large, "a", 5)
		synctest.Wait()
		go q.Wait(t.Context(), "a", 1)
		synctest.Wait()
		if grown != 1 || q.Held("a") != 0 {
			t.Fatalf("reported %d times, and a waiter holds %d", grown, q.Held("a"))
		}
		giveUp()
		synctest.Wait()
		if grown != 2 || q.Held("a") != 1 {
			t.Errorf("reported %d times, and the waiter holds %d", grown, q.Held("a"))
		}
	})
}

// TestWaitersOfTwoNamespacesAlternate checks that a namespace that was served goes to the end
// of the line.
func TestWaitersOfTwoNamespacesAlternate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := quota.New(1, quota.Options{FirstFits: true})
		q.Take("first", 1)
		var order []string
		for _, who := range []string{"a", "a", "a", "b", "b", "b"} {
			go func() {
				q.Wait(t.Context(), who, 1)
				order = append(order, who) // only the goroutine that holds the unit gets here
				q.Give(who, 1)
			}()
			synctest.Wait()
		}
		q.Give("first", 1)
		synctest.Wait()
		if got := fmt.Sprint(order); got != "[a b a b a b]" {
			t.Errorf("served in the order %s", got)
		}
	})
}

// TestTheMostThatOneNamespaceMayHave checks the exact limits.
func TestTheMostThatOneNamespaceMayHave(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	q := quota.New(10, quota.Options{})
	if !q.Wait(ctx, "a", 5) || q.Wait(ctx, "b", 6) {
		t.Error("half is refused, or more than half is granted")
	}
	q = quota.New(10, quota.Options{FirstFits: true})
	if !q.Take("a", 10) || q.Take("b", 1) {
		t.Error("the whole quota is refused to the first namespace, or more than that is granted")
	}
	q.Give("a", 10)
	if !q.Wait(ctx, "b", 10) {
		t.Error("the whole quota is refused to a waiter")
	}
}

// TestUnitsGrantedTooLateAreGivenBack checks a wait whose context is done and whose units are
// granted before it leaves the queue. The order is random, so the test repeats it.
func TestUnitsGrantedTooLateAreGivenBack(t *testing.T) {
	for range 1000 {
		synctest.Test(t, func(t *testing.T) {
			q := quota.New(1, quota.Options{FirstFits: true})
			q.Take("a", 1)
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				if q.Wait(ctx, "b", 1) {
					q.Give("b", 1)
				}
			}()
			synctest.Wait()
			cancel()
			q.Give("a", 1)
			synctest.Wait()
			if q.Used() != 0 {
				t.Fatal("a unit is lost")
			}
		})
	}
}
