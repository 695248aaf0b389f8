// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	pb "sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1"
)

// starts measures the time from the start of the process to the first answered mount, with a store
// without delay. The floor starts in turn with the daemon.
func (b *bench) starts(ctx context.Context) error {
	request, err := b.request(1)
	if err != nil {
		return err
	}
	first := func(start func() (*daemon, error)) (time.Duration, error) {
		begin := time.Now()
		d, err := start()
		if err != nil {
			return 0, err
		}
		defer d.stop()
		_, err = d.mount(ctx, request)
		return time.Since(begin), err
	}
	var bare, all []time.Duration
	for range 2 * b.rounds {
		least, err := first(b.startBare)
		if err != nil {
			return err
		}
		took, err := first(func() (*daemon, error) { return b.start() })
		if err != nil {
			return err
		}
		bare, all = append(bare, least), append(all, took)
	}
	least, took := middle(bare), middle(all)
	b.rows = append(b.rows,
		row{what: "floor: a bare provider, from its start to the first answered mount, store at 0 ms", measured: ms(least)},
		row{what: "the same with the daemon: over the bare provider", measured: ms(took),
			ratio: took.Seconds() / least.Seconds(), unit: " x", most: 3, reads: "1"})
	return nil
}

// sameTen measures a full node of pods that mount the same ten secrets at once: with an empty cache,
// and again with cached values. The floor mounts them in turn with the daemon.
func (b *bench) sameTen(ctx context.Context) error {
	d, err := b.start("--cache-ttl", "1h")
	if err != nil {
		return err
	}
	defer d.stop()
	floor, err := b.startBare()
	if err != nil {
		return err
	}
	defer floor.stop()
	var bare, first, again []time.Duration
	var reads, more int
	for range b.rounds {
		request, err := b.request(10)
		if err != nil {
			return err
		}
		mounts := slices.Repeat([]*pb.MountRequest{request}, pods)
		took, err := storm(ctx, floor, mounts)
		if err != nil {
			return err
		}
		bare = append(bare, took)
		b.store.ResetRequests()
		if took, err = storm(ctx, d, mounts); err != nil {
			return err
		}
		first, reads = append(first, took), max(reads, len(b.store.Requests()))
		b.store.ResetRequests()
		if took, err = storm(ctx, d, mounts); err != nil {
			return err
		}
		again, more = append(again, took), max(more, len(b.store.Requests()))
	}
	// The first round also opens the connection; the medians do not include that.
	took, least := middle(first), middle(bare)
	b.rows = append(b.rows,
		row{what: fmt.Sprintf("floor: a bare provider, %d pods with the same 10 secrets at once", pods), measured: ms(least)},
		row{what: "the same with nothing cached: over the bare provider", measured: ms(took),
			ratio: took.Seconds() / least.Seconds(),
			unit:  " x", most: 2.5, reads: fmt.Sprint(reads)},
		row{what: "their reads", measured: fmt.Sprint(reads), ratio: float64(reads), most: 10, reads: fmt.Sprint(reads)},
		row{what: "the same again within the ttl", measured: ms(middle(again)), reads: fmt.Sprint(more)})
	if more > 0 {
		return fmt.Errorf("%d reads within the ttl", more)
	}
	return nil
}

// bareDistinct measures a full node of pods with ten secrets of their own each, in a new bare provider.
func (b *bench) bareDistinct(ctx context.Context, requests []*pb.MountRequest) (time.Duration, error) {
	floor, err := b.startBare()
	if err != nil {
		return 0, err
	}
	defer floor.stop()
	if _, err := floor.version(ctx); err != nil {
		return 0, err
	}
	return storm(ctx, floor, requests)
}

// fullNode is what a storm on a new daemon takes. Memory is in MB.
type fullNode struct {
	took                       time.Duration
	connections                string
	rest, after, settled, peak float64
}

// distinctOnDaemon measures the same on a new daemon.
func (b *bench) distinctOnDaemon(ctx context.Context, requests []*pb.MountRequest) (n fullNode, err error) {
	d, err := b.start()
	if err != nil {
		return n, err
	}
	defer func() { err = errors.Join(err, d.stop()) }()
	if _, err := d.version(ctx); err != nil {
		return n, err
	}
	memory := func(line string) (mb float64) {
		mb, e := d.memory(line)
		err = errors.Join(err, e)
		return mb
	}
	n.rest = memory("VmRSS")
	b.store.ResetRequests()
	if n.took, err = storm(ctx, d, requests); err != nil {
		return n, err
	}
	n.after, n.peak = memory("VmRSS"), memory("VmHWM")
	time.Sleep(15 * time.Second)
	n.settled = memory("VmRSS")
	if err != nil {
		return n, err
	}
	n.connections, err = d.counter("ovhcloud_csi_okms_connections_total")
	return n, err
}

// distinct measures a full node of pods with ten secrets of their own each, and memory.
func (b *bench) distinct(ctx context.Context) error {
	var rest, after, settled, peak []float64
	var bare, times []time.Duration
	var connections string
	for range (b.rounds + 2) / 3 {
		requests := make([]*pb.MountRequest, pods)
		for i := range requests {
			var err error
			if requests[i], err = b.request(10); err != nil {
				return err
			}
		}
		least, err := b.bareDistinct(ctx, requests)
		if err != nil {
			return err
		}
		n, err := b.distinctOnDaemon(ctx, requests)
		if err != nil {
			return err
		}
		bare, times, connections = append(bare, least), append(times, n.took), n.connections
		rest, after = append(rest, n.rest), append(after, n.after)
		settled, peak = append(settled, n.settled), append(peak, n.peak)
	}
	took, least := middle(times), middle(bare)
	b.rows = append(b.rows,
		row{what: fmt.Sprintf("floor: a bare provider, %d pods with %d distinct secrets at once, cold start", pods, pods*10),
			measured: ms(least)},
		row{what: "the same with the daemon: over the bare provider",
			measured: ms(took) + ", " + connections + " connection(s)",
			ratio:    took.Seconds() / least.Seconds(), unit: " x", most: 1.5,
			reads: fmt.Sprint(len(b.store.Requests()))},
		megabytes("memory (RSS) at rest", rest, 18), megabytes("memory (RSS) right after that storm", after, 40),
		megabytes("memory (RSS) 15 s after it", settled, 40), megabytes("memory (RSS), peak", peak, 0))
	return nil
}

func megabytes(what string, all []float64, most float64) row {
	slices.Sort(all)
	m := all[len(all)/2]
	return row{what: what, measured: fmt.Sprintf("%.1f MB", m), ratio: m, unit: " MB", most: most}
}
