// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"
)

const (
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

// gcIsSet reports whether the administrator has set the pace of garbage collection.
func gcIsSet() bool { return os.Getenv("GOGC") != "" }

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
