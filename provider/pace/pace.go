// SPDX-License-Identifier: Apache-2.0

// Package pace decides when a domain of OKMS is asked: how many reads are in progress at
// once and whose turn is next (a fair queue), when a failed read is retried (exponential
// backoff with jitter, within token buckets), and when a domain that keeps failing is not
// asked for a while (a circuit breaker). No other package retries.
//
// What belongs to a domain as a whole, which is the places for reads and the retry budget,
// is shared by all credentials. What follows from failures, which is a pause that OKMS
// asked for and the circuit breaker, is kept per credential: OKMS hangs up on a certificate
// without rights, and that of one team must not stop the reads of others. For the same
// reason no namespace ever has all of what is shared.
//
// It implements rules 7 to 11 of "The rules of reads" in DESIGN.md. It keeps no values, and
// does not know how a secret is read.
package pace

import (
	"container/list"
	"context"
	"crypto/sha256"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/place"
)

// leastTime is how much time a read must have left to be worth its request.
const leastTime = 10 * time.Millisecond

// shortestTelling is how long a read must have waited without an answer to count as a
// failure of the store. Less time proves nothing about it.
const shortestTelling = 3 * time.Second

// Config of a Pace. The zero value works.
type Config struct {
	// Reads is how many reads of one domain may be in progress at once. 0 means 64.
	Reads int
	// Total is how many reads of all domains together may be in progress at once. 0 means
	// 128, less than 0 means no limit.
	Total int
	// Burst is how many young reads one namespace may have in a crowd, while another namespace begins
	// reads too. A read is young for its first quarter of a second. 0 means 4 for each processor that
	// Go uses, at least 8. Less than 0 means no limit.
	Burst int
	// Crowded reports whether there is a crowd: so many mounts that others wait for a processor. It
	// is called under a lock. nil means always.
	Crowded func() bool
	// Retried is called before each retry with the kind of the failure that it follows. nil
	// is not called.
	Retried func(context.Context, failure.Kind)
	// Trial is called before a read that is the trial of a half-open circuit breaker. nil is not
	// called.
	Trial func(context.Context)
	// Now is the clock; nil is the system's.
	Now func() time.Time
	// Jitter returns a random time from 0 to less than its argument; nil is the system's.
	Jitter func(time.Duration) time.Duration
}

// Pace is shared by all mounts. It starts no goroutines that wait.
type Pace struct {
	reads   int
	retried func(context.Context, failure.Kind)
	trial   func(context.Context)
	now     func() time.Time
	jitter  func(time.Duration) time.Duration

	places *places

	mu        sync.Mutex
	domains   map[place.Domain]*domain // by siteOf
	idle      *list.List               // of *domain, those that nobody reads from; the longest unused first
	histories *list.List               // of *history, of all domains; the oldest failure first
}

// New returns a Pace that knows no domain yet.
func New(c Config) *Pace {
	if c.Reads <= 0 {
		c.Reads = 64
	}
	switch {
	case c.Total == 0:
		c.Total = 128
	case c.Total < 0:
		c.Total = noBound
	}
	switch {
	case c.Burst == 0:
		c.Burst = max(8, 4*runtime.GOMAXPROCS(0))
	case c.Burst < 0:
		c.Burst = noBound
	}
	if c.Crowded == nil {
		c.Crowded = func() bool { return true }
	}
	if c.Retried == nil {
		c.Retried = func(context.Context, failure.Kind) {}
	}
	if c.Trial == nil {
		c.Trial = func(context.Context) {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Jitter == nil {
		c.Jitter = rand.N[time.Duration]
	}
	return &Pace{reads: c.Reads, retried: c.Retried, trial: c.Trial, now: c.Now, jitter: c.Jitter,
		places:  newPlaces(c.Total, newBurst(c.Burst, c.Crowded)),
		domains: map[place.Domain]*domain{}, idle: list.New(), histories: list.New()}
}

// Mount is one mount of a namespace. Namespaces take turns to read, and the mounts of a
// namespace do too. Make one with NewMount.
type Mount struct{ namespace string }

// NewMount returns a Mount that is not equal to any other.
func NewMount(namespace string) *Mount { return &Mount{strings.Clone(namespace)} }

// Asker says which mount wants to read, in which domain, and with which credential.
type Asker struct {
	Mount *Mount
	// Turn is the read's position in the queue, for Share. nil means that no other mount can
	// share it.
	Turn       *Turn
	Credential [sha256.Size]byte
	Domain     place.Domain
	// Hurried says that the read has no more time than Patience. If a store does not answer
	// in that time, this proves nothing to reads that wait longer.
	Hurried bool
}

// Patience is how long a read waits for an answer if its mount has something else to fall
// back on: a stale value, or the fallback. Reads with no more time than that are hurried.
const Patience = 5 * time.Second

// Do calls read when it is its turn, and retries it if that may help and fits into the time
// of ctx. The error is nil if a read succeeded. It does not recover a panic of read.
func (p *Pace) Do(ctx context.Context, a Asker,
	read func(context.Context) (okms.Secret, *okms.Error)) (okms.Secret, *okms.Error) {
	if a.Turn == nil {
		a.Turn = &Turn{}
	}
	ctx, cancel := leaveTime(ctx)
	defer cancel()
	d := p.arrive(a.Domain)
	defer p.depart(d)
	var before *okms.Error
	for retry := 0; ; retry++ {
		secret, asked, failed := p.once(ctx, d, a, read)
		if failed == nil {
			return secret, nil
		}
		if before != nil && (failed.Kind == failure.TimedOut || failed.Kind.MayPass() && ctx.Err() != nil) {
			return secret, before // it says more than that the time is over
		}
		if !asked {
			return secret, failed
		}
		wait, again := p.retryWait(ctx, d, a, failed, retry)
		if !again || !sleep(ctx, wait) {
			return secret, failed
		}
		p.retried(ctx, failed.Kind)
		before = failed
	}
}

// Share lets another mount wait for the read of a too. The read then also has the turns of
// that mount: a mount with few reads does not wait in the queue of a mount with many reads.
func (p *Pace) Share(a Asker, with *Mount) {
	p.places.share(a.Turn, a.Mount, with)
}

// leaveTime returns a context that ends a tenth of the time before ctx, at most half a
// second, so that the mount is answered while its caller still waits.
func leaveTime(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, bounded := ctx.Deadline()
	if !bounded {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, deadline.Add(-min(500*time.Millisecond, time.Until(deadline)/10)))
}

// once calls read once, if the circuit breaker allows it. asked reports whether read was
// called.
func (p *Pace) once(ctx context.Context, d *domain, a Asker,
	read func(context.Context) (okms.Secret, *okms.Error)) (secret okms.Secret, asked bool, failed *okms.Error) {
	said := nothing
	begin := time.Now()
	defer func() { p.conclude(d, a, said, failed, time.Since(begin)) }()
	leave, refused := p.admit(ctx, d, a)
	if refused != nil {
		return secret, false, refused
	}
	defer leave()
	if p.hasTrial(d, a) {
		p.trial(ctx)
	}
	begin = time.Now()
	secret, failed = read(ctx)
	switch {
	case failed == nil || !failed.Kind.MayPass():
		said = works
	case failed.Kind == failure.TimedOut && time.Since(begin) < shortestTelling: // too short to blame the store
	case !errors.Is(ctx.Err(), context.Canceled): // if all callers left, that says nothing about the store
		said = fails
	}
	return secret, true, failed
}

// admit waits until the breaker allows the read and the read has a place. It returns the
// failure if it does not come to that, else the caller calls leave when the read is over.
func (p *Pace) admit(ctx context.Context, d *domain, a Asker) (leave func(), refused *okms.Error) {
	for {
		wait, refused := p.allow(ctx, d, a)
		if refused != nil {
			return nil, refused
		}
		if wait > 0 {
			if !sleep(ctx, wait+p.jitter(wait/4+1)) {
				return nil, &okms.Error{Kind: failure.TimedOut, Text: "OKMS asked for a longer wait than the mount has time for"}
			}
			continue
		}
		leave, ok := p.places.enter(ctx, d.room, a, leastTime)
		if !ok {
			return nil, &okms.Error{Kind: failure.TimedOut, Queued: true,
				Text: "waited for other reads of this node to end, and sent nothing"}
		}
		// Reads that had the places until now may have opened the breaker.
		if wait, refused = p.allow(ctx, d, a); wait == 0 && refused == nil {
			return leave, nil
		}
		leave()
	}
}

// allow reports whether a may read now: it may if both results are zero. wait is how long
// it must wait first. refused is the failure that is returned in place of a read.
func (p *Pace) allow(ctx context.Context, d *domain, a Asker) (wait time.Duration, refused *okms.Error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return d.breakersOf(a.Credential).allow(ctx, a, p.now())
}

// hasTrial reports whether a has the trial of a circuit breaker.
func (p *Pace) hasTrial(d *domain, a Asker) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(d.breakersOf(a.Credential).bearingOn(a), func(b *breaker) bool {
		return b.state == halfOpen && b.trial == a.Mount
	})
}

// conclude tells the circuit breakers what the end of a read says about the store. took is
// how long the read was.
func (p *Pace) conclude(d *domain, a Asker, said verdict, failed *okms.Error, took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a.Turn.heard {
		a.Turn.heard, said = false, nothing
	}
	h := d.histories[a.Credential]
	if said == fails {
		h = p.history(d, a.Credential, p.now())
	}
	if h != nil {
		h.breakers.conclude(a, said, failed, took, p.now())
	}
}

// Heard tells the circuit breakers that OKMS has answered a read, before the read function of Do
// returns. That function may ask OKMS for details of a refusal, and other mounts need not wait for
// them. Its end is then not counted again. took is how long the answer took. a.Turn must be that
// of Do.
func (p *Pace) Heard(a Asker, took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if d := p.domains[siteOf(a.Domain)]; d != nil && d.histories[a.Credential] != nil {
		d.histories[a.Credential].breakers.conclude(a, works, nil, took, p.now())
	}
	a.Turn.heard = true
}

// Resting returns the failure that reads of a get at once while the circuit breaker is not
// closed, nil if it is closed. If there is a read in progress then, it is the trial of
// another mount. The caller is one that has something to fall back on.
func (p *Pace) Resting(a Asker) *okms.Error {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.domains[siteOf(a.Domain)]
	if d == nil {
		return nil
	}
	return d.breakersOf(a.Credential).resting(a)
}

// sleep waits. It returns false if ctx ended first.
func sleep(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
