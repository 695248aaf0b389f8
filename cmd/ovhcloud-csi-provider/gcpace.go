// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"

	"ovhcloud-csi-provider/provider/budget"
)

// The daemon runs on every node. It is idle nearly always, and busy for a second when
// pods start. So it collects garbage earlier than Go's default (when the heap has grown by
// 40 percent, not by 100), and returns unused memory to the system. Measured by make
// bench: with 60 and 100 percent, it has 10 and 16 MB more after 1,100 reads at once.
//
// While mounts use much memory, or go on for seconds, a collection every few milliseconds would
// take a third of the processor time and slow down every mount. Then garbage may grow to twice
// the memory in use, within the memory limit. Measured by make attack: more mounts of the
// namespaces that are not part of the attack take their usual time.
//
// On a node with two processors, Go runs two goroutines at once and queues the others. A
// thousand mounts of one namespace fill both queues, and a mount of another one waits at the
// end of a queue each time that it waited for something. With more queues than processors it
// finds a short one, and the kernel shares the processors out. Measured by make attack: with
// 16, a third as many mounts take more than twice their usual time as with 2. It costs memory
// and the start of threads, so it is for busy times only.
//
// When a node's pods start at once, a heap of a few megabytes that may grow by 40 percent is collected
// every few milliseconds. So it may grow to smallHeap while collections are frequent. Measured by
// make bench: 110 pods with the same ten secrets take 1.9 times as long as with a bare provider, and
// 3.1 times without this; the process has 38 MB after 1,100 reads at once, 41 MB with 10 MiB.
const (
	gcPercent     = 40
	gcPercentBusy = 200
	procsBusy     = 16
	// While collections are frequent, the heap may grow to about so many bytes, however little is in
	// use. At gcPercentSmall, which is the maximum, Go lets every heap grow to so many: 4 MiB times it.
	smallHeap      = 7 << 20
	gcPercentSmall = 175
	// Mounts use much memory above muchHeld, which is more than the 17 MiB of 110 pods that read
	// ten secrets each at once, and little below littleHeld. In bytes.
	muchHeld   = 20 << 20
	littleHeld = 8 << 20
	// So many collections within frequentTime are frequent.
	frequent     = 6
	frequentTime = time.Second
	// Frequent collections make the daemon busy if each leaves more than muchLeft, in bytes: a
	// collection takes as long as there is memory in use. The 110 pods leave 5 MB, and an
	// attack with small mounts 20 MB, 20 times a second.
	muchLeft = 10 << 20
	// At most so many collections within giveBackEvery are seldom. It is less than frequent, so that
	// a burst does not change the pace to and fro.
	seldom = 5
)

// gcPace adapts the pace of garbage collection, and the number of goroutines that run at once,
// to the memory that mounts use and to how often it is collected.
type gcPace struct {
	held func() int64 // bytes
	// fixedProcs says that the administrator has set GOMAXPROCS.
	fixedProcs bool

	mu sync.Mutex
	// busy changes under mu, together with what it says of the runtime.
	busy atomic.Bool
	// toSmallHeap says that collections were frequent. It has an effect while the daemon is not busy.
	toSmallHeap bool
	// all are the collections, and large those of them that left much.
	all, large collections
}

// collections counts collections of garbage.
type collections struct {
	since time.Time // when the first of recent was
	// recent are those within frequentTime, and later those since seldom was called.
	recent, later int
}

// frequent counts one more, and reports whether they are frequent.
func (c *collections) frequent(now time.Time) bool {
	if now.Sub(c.since) > frequentTime {
		c.since, c.recent = now, 0
	}
	c.later++
	c.recent++
	return c.recent >= frequent
}

// seldom reports whether they were seldom since it was called last.
func (c *collections) seldom() bool {
	were := c.later <= seldom
	c.later = 0
	return were
}

// paceGC returns a gcPace for the memory of mounts, or nil if the administrator has set the
// pace.
func paceGC(memory *budget.Budget) *gcPace {
	if gcIsSet() {
		return nil
	}
	// Clients are kept long after the mounts that used them.
	held := func() int64 { return memory.Used() - memory.UsedBy(budget.Clients) }
	pace := &gcPace{held: held, fixedProcs: os.Getenv("GOMAXPROCS") != ""}
	memory.OnGrowth(pace.grown)
	pace.afterCollection()
	return pace
}

// afterCollection calls collected after each collection from now on.
func (g *gcPace) afterCollection() {
	type garbage struct{ _ *int } // the runtime may keep an object without a pointer
	runtime.AddCleanup(new(garbage), func(g *gcPace) {
		left := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(left)
		g.collected(time.Now(), left[0].Value.Uint64())
		g.afterCollection()
	}, g)
}

// collected is called after a collection that left so many bytes.
func (g *gcPace) collected(now time.Time, left uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all.frequent(now) {
		g.toSmallHeap = true
	}
	if left > muchLeft && g.large.frequent(now) {
		g.speedUp()
	}
	if g.toSmallHeap && !g.busy.Load() {
		debug.SetGCPercent(growth(left))
	}
}

// growth returns by how many percent a heap with so many bytes in use may grow while collections are
// frequent.
func growth(used uint64) int {
	if used >= smallHeap {
		return gcPercent
	}
	return max(gcPercent, min(gcPercentSmall, int((smallHeap-used)*100/max(used, 1))))
}

// grown is called after mounts have taken memory.
func (g *gcPace) grown() {
	if !g.busy.Load() && g.held() > muchHeld {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.speedUp()
	}
}

// speedUp is for mounts that take much memory or processor time. mu is locked.
func (g *gcPace) speedUp() {
	if !g.busy.CompareAndSwap(false, true) {
		return
	}
	debug.SetGCPercent(gcPercentBusy)
	if !g.fixedProcs && runtime.GOMAXPROCS(0) < procsBusy {
		runtime.GOMAXPROCS(procsBusy)
	}
}

// slowDown is called every giveBackEvery.
func (g *gcPace) slowDown() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all.seldom() && g.toSmallHeap {
		g.toSmallHeap = false
		if !g.busy.Load() {
			debug.SetGCPercent(gcPercent)
		}
	}
	if calm := g.large.seldom() && g.held() < littleHeld; !calm || !g.busy.CompareAndSwap(true, false) {
		return
	}
	debug.SetGCPercent(gcPercent)
	if !g.fixedProcs {
		runtime.SetDefaultGOMAXPROCS()
	}
}

// mayGiveBack reports whether so many idle bytes are to be given back to the system. While mounts use
// much memory they are not: the mounts would take them again, and wait meanwhile. Measured by make
// attack: it takes a third of a second each time. g may be nil.
func (g *gcPace) mayGiveBack(idle uint64) bool {
	return idle > worthGivingBack && (g == nil || !g.busy.Load())
}
