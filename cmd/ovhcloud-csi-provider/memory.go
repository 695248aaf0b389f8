package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"

	"ovhcloud-csi-provider/provider"
)

// After a burst of mounts most of the heap lies free, and the Go runtime returns
// it to the system only over minutes. On a node memory is scarce, so it is given
// back as soon as the burst is over: more than mostFree bytes free are looked
// for each lookEvery. It costs some milliseconds, and nothing where the heap
// stays small.
const (
	mostFree  = 4 << 20
	lookEvery = 10 * time.Second
)

// keep has memory that is not used any more given back, that of the provider and
// that of the process, until the returned function is called.
func keep(mounts *provider.Provider) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { mounts.Run(ctx) })
	running.Go(func() { returnMemory(ctx) })
	return func() {
		cancel()
		running.Wait()
	}
}

func returnMemory(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	// Free pages, and the free places in pages that the next collection may empty.
	free := []metrics.Sample{{Name: "/memory/classes/heap/free:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		metrics.Read(free)
		if free[0].Value.Uint64()+free[1].Value.Uint64() > mostFree {
			debug.FreeOSMemory()
		}
	}
}
