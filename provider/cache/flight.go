// SPDX-License-Identifier: Apache-2.0

package cache

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
)

// flight is one read in progress that any number of callers share (single flight, rule 3).
// It belongs to those that wait for it: the last one that leaves early cancels it and waits
// for its end.
type flight struct {
	key    Key
	onJoin func(by any) // called for each caller that joins; may be nil
	ctx    context.Context
	cancel context.CancelFunc
	done   chan struct{} // closed when there is an outcome

	// Under the cache's mutex.
	waiting int           // callers
	keep    time.Duration // how long to keep the value, the longest of the callers
	// outdated says that the value may be older than a refusal, or than the news that the
	// secret is gone, so it is not kept (rule 4).
	outdated bool
	gone     []int         // versions that the store said are gone while it was read; with one it is not joined
	heard    bool          // what its failure speaks against is dropped already
	due      time.Duration // as in entry

	// The outcome, valid after done.
	secret okms.Secret
	err    *okms.Error
	crash  *Crash
}

func (f *flight) keyed() Key { return f.key }

// flightKey is the key of the flight in the context of its Do.
type flightKey struct{}

// begin adds a read, which the caller then runs. It has the time of the caller that begins it, or
// the cache's patience if that caller is impatient, but does not end with that caller. An earlier
// read of the key that is not joined any more is not kept: its answer may be older. c.mu is held.
func (c *Cache) begin(ctx context.Context, r Read, impatient bool) *flight {
	f := &flight{key: r.Key, onJoin: r.Joined, done: make(chan struct{})}
	alone := context.WithValue(context.WithoutCancel(ctx), flightKey{}, f)
	deadline, bounded := ctx.Deadline()
	if impatient && (!bounded || time.Until(deadline) > c.patience) {
		deadline, bounded = time.Now().Add(c.patience), true
	}
	if bounded {
		f.ctx, f.cancel = context.WithDeadline(alone, deadline)
	} else {
		f.ctx, f.cancel = context.WithCancel(alone)
	}
	if earlier := c.flights.find(f.key); earlier != nil {
		earlier.outdated = true
		c.forget(earlier)
	}
	c.flights.add(f)
	return f
}

// run does the read to its end.
func (c *Cache) run(f *flight, do func(context.Context) (okms.Secret, *okms.Error)) {
	defer f.cancel()
	defer close(f.done)
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if r := recover(); r != nil {
			f.crash = &Crash{Value: r, Stack: debug.Stack()}
		} else {
			c.settle(f)
		}
		c.forget(f)
	}()
	f.secret, f.err = do(f.ctx)
}

// forget keeps further callers from joining a flight. c.mu is held.
func (c *Cache) forget(f *flight) {
	if c.flights.find(f.key) == f {
		c.flights.remove(f.key)
	}
}

// await waits for the outcome of a flight, or leaves it when ctx ends. An impatient caller
// leaves after the cache's patience.
func (c *Cache) await(ctx context.Context, f *flight, impatient bool) (okms.Secret, *okms.Error) {
	if impatient {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.patience)
		defer cancel()
	}
	begin := time.Now()
	select {
	case <-f.done:
	case <-ctx.Done():
		if !c.leave(f) {
			return okms.Secret{}, &okms.Error{Kind: failure.TimedOut,
				Text: fmt.Sprintf("waited %s for a read that other mounts wait for too",
					time.Since(begin).Round(100*time.Millisecond))}
		}
		<-f.done
	}
	if f.crash != nil {
		panic(f.crash)
	}
	return f.secret, f.err
}

// leave takes one caller off a flight. The last one cancels it.
func (c *Cache) leave(f *flight) (last bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f.waiting--
	if f.waiting > 0 {
		return false
	}
	f.cancel()
	c.forget(f)
	f.outdated = true // others may read a newer value before it ends
	return true
}

// endedEarlyFor reports whether a flight ran out of the time of the caller that began it,
// while the caller of ctx has more.
func (f *flight) endedEarlyFor(ctx context.Context, failed *okms.Error) bool {
	if failed.Kind != failure.TimedOut || ctx.Err() != nil {
		return false
	}
	theirs, bounded := f.ctx.Deadline()
	if !bounded {
		return false
	}
	mine, bounded := ctx.Deadline()
	return !bounded || mine.Sub(theirs) > time.Second
}
