package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"ovhcloud-csi-provider/provider/budget"
)

// The daemon is at rest nearly always, on every node, and busy for a second when
// pods start. So it collects garbage sooner than Go would (a heap that has grown
// by 40 percent, not by 100), and gives back to the system what it does not need
// any more. Measured by make bench when it was chosen: 40, 60 and 100 percent take
// the same time in all cases, and about 30, 40 and 46 MB after 1,100 reads at once.
//
// While mounts hold much, a collection every few milliseconds would take a third of the
// processor time, and make every mount help with it before it goes on. Then garbage may
// grow to twice what is in use, within the memory limit. Measured by make attack: of the
// mounts of a namespace beside an attack, so many more take their usual time.
const (
	gcPercent     = 40
	gcPercentBusy = 200
	// Mounts hold much from so many bytes on, and little below the other.
	muchHeld      = 32 << 20
	littleHeld    = 8 << 20
	giveBackEvery = 10 * time.Second
	// A collection for less is not worth its time. In bytes.
	worthGivingBack = 4 << 20
)

// Where a container sees the bound of its memory, by version 2 and 1 of cgroups.
var cgroupLimits = []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}

// tuneGC sets the pace of garbage collection, unless GOGC does, and has it hurry where
// four fifths of the container's memory are used, unless GOMEMLIMIT says otherwise. It
// returns the memory limit of the process in bytes, 0 for none: the container's, or what
// GOMEMLIMIT is four fifths of.
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

// gcIsSet says that whoever runs the daemon has set the pace of garbage collection.
func gcIsSet() bool { return os.Getenv("GOGC") != "" }

// gcPace sets the pace of garbage collection by what mounts hold.
type gcPace struct {
	held func() int64 // bytes
	busy atomic.Bool
}

// paceGC lets what mounts hold set the pace of garbage collection; nil where it is set.
func paceGC(memory *budget.Budget) *gcPace {
	if gcIsSet() {
		return nil
	}
	pace := &gcPace{held: memory.Used}
	memory.OnGrowth(pace.speedUp)
	return pace
}

// speedUp is called after mounts have taken something.
func (g *gcPace) speedUp() {
	if !g.busy.Load() && g.held() > muchHeld && g.busy.CompareAndSwap(false, true) {
		debug.SetGCPercent(gcPercentBusy)
	}
}

// slowDown is called now and then.
func (g *gcPace) slowDown() {
	if g.busy.Load() && g.held() < littleHeld && g.busy.CompareAndSwap(true, false) {
		debug.SetGCPercent(gcPercent)
	}
}

// noLimit is more than any machine has, in bytes. Version 1 of cgroups states such a
// number where there is no limit, and Go for a GOMEMLIMIT that is off.
const noLimit = 1 << 50

// memoryLimit is the bound that the first of the files to be there states, in bytes; 0
// is none.
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

// giveMemoryBack gives memory that is free back to the system now and then,
// until ctx is done. pace may be nil.
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
			if idleMemory() > worthGivingBack {
				debug.FreeOSMemory()
			}
		}
	}
}

// idleMemory is about how many bytes of the heap hold nothing, or garbage.
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
