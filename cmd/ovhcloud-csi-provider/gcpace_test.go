// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/budget"
)

// gcPercentNow returns by how much the heap may grow.
func gcPercentNow() int {
	now := debug.SetGCPercent(gcPercent)
	debug.SetGCPercent(now)
	return now
}

// restoreGC sets the usual pace of collection for a test.
func restoreGC(t *testing.T) {
	t.Helper()
	t.Setenv("GOGC", "")
	before := debug.SetGCPercent(gcPercent)
	t.Cleanup(func() {
		debug.SetGCPercent(before)
		runtime.SetDefaultGOMAXPROCS()
	})
}

func TestGarbageMayGrowWhileMountsUseMuchMemory(t *testing.T) {
	restoreGC(t)
	usual := runtime.GOMAXPROCS(0)
	t.Setenv("GOMAXPROCS", "")
	memory := budget.New(chartLimit)
	pace := paceGC(memory)
	account := memory.Open("shop")
	defer account.Close()
	account.Take(budget.Arrived, 1)
	if got := gcPercentNow(); got != gcPercent {
		t.Errorf("with a byte held, the heap may grow by %d %%", got)
	}
	if !account.Take(budget.Holding, muchHeld/2) || !account.Take(budget.Running, muchHeld/4) ||
		!account.Take(budget.Arrived, muchHeld/4) {
		t.Fatal("20 MiB are not to be had")
	}
	if got := gcPercentNow(); got != gcPercentBusy {
		t.Errorf("with 20 MiB held, the heap may grow by %d %%", got)
	}
	if pace.mayGiveBack(100 << 20) {
		t.Error("memory is given back while mounts hold 20 MiB")
	}
	if got := runtime.GOMAXPROCS(0); got < procsBusy {
		t.Errorf("with 20 MiB held, %d goroutines run at once", got)
	}
	pace.slowDown()
	if got := gcPercentNow(); got != gcPercentBusy {
		t.Errorf("with 20 MiB still held, the heap may grow by %d %%", got)
	}
	account.Close()
	pace.slowDown()
	if got := gcPercentNow(); got != gcPercent {
		t.Errorf("with nothing held, the heap may grow by %d %%", got)
	}
	if got := runtime.GOMAXPROCS(0); got != usual {
		t.Errorf("with nothing held, %d goroutines run at once, and %d before", got, usual)
	}
	if !pace.mayGiveBack(worthGivingBack+1) || pace.mayGiveBack(worthGivingBack) {
		t.Error("what is given back with nothing held is wrong")
	}
	t.Setenv("GOMAXPROCS", "3")
	fixed := paceGC(memory)
	fixed.held = func() int64 { return muchHeld + 1 }
	fixed.grown()
	if got := runtime.GOMAXPROCS(0); got != usual {
		t.Errorf("GOMAXPROCS has no effect: %d goroutines run at once", got)
	}
	t.Setenv("GOGC", "100")
	if paceGC(memory) != nil {
		t.Error("GOGC has no effect")
	}
}

// madeCollections tells a gcPace of collections. The garbage is not collected.
type madeCollections struct {
	t    *testing.T
	pace *gcPace
	now  time.Time
	left uint64
}

func makeCollections(t *testing.T, left uint64) *madeCollections {
	t.Helper()
	restoreGC(t)
	return &madeCollections{t, &gcPace{held: func() int64 { return 0 }, fixedProcs: true}, time.Now(), left}
}

// run makes so many, and checks by how much the heap may grow then.
func (c *madeCollections) run(n int, every time.Duration, want int) {
	c.t.Helper()
	for range n {
		c.now = c.now.Add(every)
		c.pace.collected(c.now, c.left)
	}
	c.check(fmt.Sprintf("%d collections, one in %s, that left %d bytes", n, every, c.left), want)
}

// slowDown lets giveBackEvery pass, and checks by how much the heap may grow then.
func (c *madeCollections) slowDown(want int) {
	c.t.Helper()
	c.pace.slowDown()
	c.check(giveBackEvery.String(), want)
}

func (c *madeCollections) check(after string, want int) {
	c.t.Helper()
	if got := gcPercentNow(); got != want {
		c.t.Errorf("after %s, the heap may grow by %d %%, not by %d", after, got, want)
	}
}

func TestGarbageMayGrowWhileItIsCollectedFrequently(t *testing.T) {
	c := makeCollections(t, muchLeft)
	c.run(10*frequent, frequentTime/frequent, gcPercent)
	c.left++
	c.run(10*frequent, frequentTime/(frequent-2), gcPercent)
	c.now = c.now.Add(2 * frequentTime)
	c.run(frequent, frequentTime/frequent, gcPercentBusy)
	c.slowDown(gcPercentBusy)
	c.run(seldom+1, giveBackEvery/(seldom+1), gcPercentBusy)
	c.slowDown(gcPercentBusy)
	c.run(seldom, giveBackEvery/seldom, gcPercentBusy)
	c.slowDown(gcPercent)
}

func TestASmallHeapMayGrowWhileItIsCollectedFrequently(t *testing.T) {
	c := makeCollections(t, smallHeap/2)
	c.run(10*frequent, frequentTime/(frequent-2), gcPercent)
	c.now = c.now.Add(2 * frequentTime)
	c.run(frequent, frequentTime/frequent, 100)
	for left, want := range map[uint64]int{0: gcPercentSmall, smallHeap / 10: gcPercentSmall, smallHeap / 10 * 4: 150,
		smallHeap / 10 * 8: gcPercent, smallHeap: gcPercent, smallHeap + 1: gcPercent, 4 * smallHeap: gcPercent} {
		c.left = left
		c.run(1, time.Minute, want)
	}
	c.left = smallHeap / 2
	c.run(1, time.Minute, 100)
	c.slowDown(100)
	c.run(seldom+1, giveBackEvery/(seldom+1), 100)
	c.slowDown(100)
	c.run(seldom, giveBackEvery/seldom, 100)
	c.slowDown(gcPercent)
	c.run(1, time.Minute, gcPercent)
}

// A daemon that is busy and collects frequently grows by gcPercentBusy, whichever ends first.
func TestASmallHeapDoesNotSlowDownABusyDaemon(t *testing.T) {
	c := makeCollections(t, muchLeft+1)
	c.run(frequent, frequentTime/frequent, gcPercentBusy)
	c.left = smallHeap / 2
	c.run(frequent, frequentTime/frequent, gcPercentBusy)
	c.left = muchLeft + 1
	c.run(seldom, time.Second, gcPercentBusy)
	c.slowDown(gcPercentBusy)
	c.pace.held = func() int64 { return littleHeld }
	c.slowDown(gcPercentBusy)
	c.pace.held = func() int64 { return 0 }
	c.slowDown(gcPercent)
}

func TestEachCollectionThatLeavesMuchIsCounted(t *testing.T) {
	restoreGC(t)
	pace := paceGC(budget.New(chartLimit))
	counted := func() int {
		pace.mu.Lock()
		defer pace.mu.Unlock()
		return pace.large.later
	}
	kept := bytes.Repeat([]byte{1}, 2*muchLeft)
	for n := range 3 {
		before := counted()
		if !eventually(10*time.Second, func() bool { runtime.GC(); return counted() > before }) {
			t.Fatalf("%d collections were counted, and no more", n)
		}
	}
	runtime.KeepAlive(kept)
}

// The state must be that of the last change, or the heap grows by 40 percent in an attack until the
// next lull.
func TestThePaceIsThatOfItsState(t *testing.T) {
	restoreGC(t)
	var asked atomic.Int64
	held := func() int64 { return asked.Add(1) % 2 * (muchHeld + 1) } // much in every other moment
	pace := &gcPace{held: held, fixedProcs: true}
	for range 500 {
		var all sync.WaitGroup
		for range 4 {
			all.Go(pace.grown)
			all.Go(pace.slowDown)
		}
		all.Wait()
		want := gcPercent
		if pace.busy.Load() {
			want = gcPercentBusy
		}
		if got := gcPercentNow(); got != want {
			t.Fatalf("busy is %t, and the heap may grow by %d %%", pace.busy.Load(), got)
		}
	}
}
