// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"ovhcloud-csi-provider/provider/budget"
)

// The daemon runs on every node. It is idle nearly always, and busy for a second when
// pods start. So it collects garbage earlier than Go's default (when the heap has grown by
// 40 percent, not by 100), and returns unused memory to the system. Measured by make
// bench: 40, 60 and 100 percent take the same time in all cases, and about 30, 40 and 46
// MB after 1,100 reads at once.
//
// While mounts use much memory, a collection every few milliseconds would take a third of
// the processor time and slow down every mount. Then garbage may grow to twice the memory
// in use, within the memory limit. Measured by make attack: more mounts of the namespaces
// that are not part of the attack take their usual time.
//
// On a node with two processors, Go runs two goroutines at once and queues the others. A
// thousand mounts of one namespace fill both queues, and a mount of another one waits at the
// end of a queue each time that it waited for something. With more queues than processors it
// finds a short one, and the kernel shares the processors out. Measured by make attack: with
// 16, a third as many mounts take more than twice their usual time as with 2. It costs memory
// and the start of threads, so it is for busy times only.
const (
	gcPercent     = 40
	gcPercentBusy = 200
	procsBusy     = 16
	// Mounts use much memory above muchHeld, which is more than the 17 MiB of 110 pods that read
	// ten secrets each at once, and little below littleHeld. In bytes.
	muchHeld      = 20 << 20
	littleHeld    = 8 << 20
	giveBackEvery = 10 * time.Second
	// Returning less than this is not worth a collection. In bytes.
	worthGivingBack = 4 << 20
)

// cgroupLimits are the files with a container's memory limit, of cgroups version 2 and 1.
var cgroupLimits = []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}

// tuneGC sets the pace of garbage collection unless GOGC is set, and Go's soft memory
// limit to four fifths of the container's unless GOMEMLIMIT is set. It returns the memory
// limit of the process in bytes: the container's, or five quarters of GOMEMLIMIT if that
// is less. 0 means that there is no limit.
func tuneGC(cgroupLimits []string) (limit int64) {
	if !gcIsSet() {
		debug.SetGCPercent(gcPercent)
	}
	limit = memoryLimit(cgroupLimits)
	if os.Getenv("GOMEMLIMIT") == "" {
		if limit > 0 {
			debug.SetMemoryLimit(limit / 5 * 4)
		}
		return limit
	}
	stated := debug.SetMemoryLimit(-1)
	if stated > noLimit {
		return limit
	}
	if stated = stated / 4 * 5; limit == 0 || stated < limit {
		return stated
	}
	return limit
}

// gcIsSet reports whether the operator has set the pace of garbage collection.
func gcIsSet() bool { return os.Getenv("GOGC") != "" }

// gcPace adapts the pace of garbage collection, and the number of goroutines that run at once,
// to the memory that mounts use.
type gcPace struct {
	held func() int64 // bytes
	busy atomic.Bool
	// fixedProcs says that the operator has set GOMAXPROCS.
	fixedProcs bool
}

// paceGC returns a gcPace for the memory of mounts, or nil if the operator has set the
// pace.
func paceGC(memory *budget.Budget) *gcPace {
	if gcIsSet() {
		return nil
	}
	pace := &gcPace{held: memory.Used, fixedProcs: os.Getenv("GOMAXPROCS") != ""}
	memory.OnGrowth(pace.speedUp)
	return pace
}

// speedUp is called after mounts have taken memory.
func (g *gcPace) speedUp() {
	if !g.busy.Load() && g.held() > muchHeld && g.busy.CompareAndSwap(false, true) {
		debug.SetGCPercent(gcPercentBusy)
		if !g.fixedProcs && runtime.GOMAXPROCS(0) < procsBusy {
			runtime.GOMAXPROCS(procsBusy)
		}
	}
}

// mayGiveBack reports whether so many idle bytes are to be given back to the system. While mounts use
// much memory they are not: the mounts would take them again, and wait meanwhile. Measured by make
// attack: it takes a third of a second each time. g may be nil.
func (g *gcPace) mayGiveBack(idle uint64) bool {
	return idle > worthGivingBack && (g == nil || !g.busy.Load())
}

// slowDown is called every few seconds.
func (g *gcPace) slowDown() {
	if g.busy.Load() && g.held() < littleHeld && g.busy.CompareAndSwap(true, false) {
		debug.SetGCPercent(gcPercent)
		if !g.fixedProcs {
			runtime.SetDefaultGOMAXPROCS()
		}
	}
}

// noLimit is more memory than any machine has, in bytes. Version 1 of cgroups has such a
// number if there is no limit, and so has Go if GOMEMLIMIT is off.
const noLimit = 1 << 50

// memoryLimit returns the limit in the first of the files that exists, in bytes. 0 means
// that there is no limit.
func memoryLimit(files []string) int64 {
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		if err != nil || limit > noLimit { // "max"
			return 0
		}
		return limit
	}
	return 0
}

// giveMemoryBack returns free memory to the system every few seconds until ctx is done.
// pace may be nil.
func giveMemoryBack(ctx context.Context, pace *gcPace) {
	tick := time.NewTicker(giveBackEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if pace != nil {
				pace.slowDown()
			}
			if pace.mayGiveBack(idleMemory()) {
				debug.FreeOSMemory()
			}
		}
	}
}

// idleMemory returns about how many bytes of the heap are free or garbage.
func idleMemory() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/free:bytes"}, {Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	idle := sample[0].Value.Uint64() + sample[1].Value.Uint64()
	if objects, live := sample[2].Value.Uint64(), sample[3].Value.Uint64(); objects > live {
		idle += objects - live
	}
	return idle
}
