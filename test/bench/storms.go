// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	pb "sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1"
)

// starts measures the time from the start of the process to the first answered mount, with a store
// without delay.
func (b *bench) starts(ctx context.Context) error {
	request, err := b.request(1)
	if err != nil {
		return err
	}
	took, err := b.median(b.rounds, func() (time.Duration, error) {
		begin := time.Now()
		d, err := b.start()
		if err != nil {
			return 0, err
		}
		defer d.stop()
		_, err = d.mount(ctx, request)
		return time.Since(begin), err
	})
	b.rows = append(b.rows,
		row{what: "start of the process to the first answered mount, store at 0 ms", measured: ms(took),
			ratio: took.Seconds() * 1e3, unit: " ms", most: 100, reads: "1"})
	return err
}

// sameTen measures a full node of pods that mount the same ten secrets at once: with an empty cache,
// and again with cached values.
func (b *bench) sameTen(ctx context.Context) error {
	d, err := b.start("--cache-ttl", "1h")
	if err != nil {
		return err
	}
	defer d.stop()
	var first, again []time.Duration
	var reads, more int
	for range b.rounds {
		request, err := b.request(10)
		if err != nil {
			return err
		}
		b.store.ResetRequests()
		took, err := storm(ctx, d, slices.Repeat([]*pb.MountRequest{request}, pods))
		if err != nil {
			return err
		}
		first, reads = append(first, took), max(reads, len(b.store.Requests()))
		b.store.ResetRequests()
		if took, err = storm(ctx, d, slices.Repeat([]*pb.MountRequest{request}, pods)); err != nil {
			return err
		}
		again, more = append(again, took), max(more, len(b.store.Requests()))
	}
	slices.Sort(first)
	slices.Sort(again)
	// The first round also opens the connection; the median does not include that.
	took := first[len(first)/2]
	b.rows = append(b.rows,
		row{what: fmt.Sprintf("%d pods, the same 10 secrets, at once, nothing cached", pods), measured: ms(took),
			ratio: took.Seconds() / b.get.Seconds(),
			unit:  " x", most: 3, reads: fmt.Sprint(reads)},
		row{what: "their reads", measured: fmt.Sprint(reads), ratio: float64(reads), most: 10, reads: fmt.Sprint(reads)},
		row{what: "the same again within the ttl", measured: ms(again[len(again)/2]), reads: fmt.Sprint(more)})
	if more > 0 {
		return fmt.Errorf("%d reads within the ttl", more)
	}
	return nil
}

// distinct measures a full node of pods with ten secrets of their own each, in a new daemon, and
// its memory.
func (b *bench) distinct(ctx context.Context) error {
	var rest, after, settled, peak []float64
	var times []time.Duration
	var connections string
	for range (b.rounds + 2) / 3 {
		d, err := b.start()
		if err != nil {
			return err
		}
		requests := make([]*pb.MountRequest, pods)
		for i := range requests {
			if requests[i], err = b.request(10); err != nil {
				return err
			}
		}
		if _, err := d.version(ctx); err != nil {
			return err
		}
		note := func(into *[]float64, line string) {
			m, e := d.memory(line)
			*into = append(*into, m)
			if e != nil {
				err = e
			}
		}
		note(&rest, "VmRSS")
		b.store.ResetRequests()
		took, failed := storm(ctx, d, requests)
		if failed != nil {
			return failed
		}
		note(&after, "VmRSS")
		note(&peak, "VmHWM")
		time.Sleep(15 * time.Second)
		note(&settled, "VmRSS")
		times = append(times, took)
		if err != nil {
			return err
		}
		if connections, err = d.counter("ovhcloud_csi_okms_connections_total"); err != nil {
			return err
		}
		if err := d.stop(); err != nil {
			return err
		}
	}
	slices.Sort(times)
	took, rounds := times[len(times)/2], float64(pods*10)/room
	b.rows = append(b.rows,
		row{what: fmt.Sprintf("%d pods, %d distinct secrets, at once, cold start", pods, pods*10),
			measured: ms(took) + ", " + connections + " connection(s)",
			ratio:    took.Seconds() / b.get.Seconds(), unit: " x", most: 1.6 * rounds,
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
