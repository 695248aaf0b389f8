package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// The daemon is at rest nearly always, on every node, and busy for a second when
// pods start. So it collects garbage sooner than Go would (a heap that has grown
// by 60 percent, not by 100), and gives back to the system what it does not need
// any more. The number is between two that were measured on a busy machine (50 and
// 75), and is not shown to be the best.
const (
	gcPercent     = 60
	giveBackEvery = 10 * time.Second
	// A collection for less is not worth its time. In bytes.
	worthGivingBack = 4 << 20
)

// frugal sets the pace of garbage collection, unless GOGC does.
func frugal() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}

// giveMemoryBack gives memory that is free back to the system now and then,
// until ctx is done.
func giveMemoryBack(ctx context.Context) {
	tick := time.NewTicker(giveBackEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
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
