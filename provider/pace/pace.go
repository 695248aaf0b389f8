// Package pace decides when a domain of OKMS is asked: how many reads at once
// and whose turn it is, when a failed one is tried again, and when a domain that
// keeps failing is left alone. It is the one place that retries.
//
// What belongs to a domain as a whole (room for reads, budget of retries) is
// shared by all credentials. What is concluded from failures (a pause that OKMS
// asked for, a circuit breaker) is held per credential: OKMS hangs up on a
// certificate without rights, and one team's must not stop the reads of others.
// For the same reason a namespace never has all of what is shared.
//
// Its rules are 7 to 11 of "The rules of reads" in DESIGN.md. It keeps no values, and
// does not know how a secret is read.
package pace

import (
	"container/list"
	"context"
	"crypto/sha256"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/place"
)

// leastTime is what a read must have to be worth beginning.
const leastTime = 10 * time.Millisecond

// shortestTelling is how long a read without an answer must have lasted to tell anything
// of the store.
const shortestTelling = 3 * time.Second

// Config of a Pace. The zero value works.
type Config struct {
	// Reads is how many reads of one domain may be in progress at once. 0 means 64.
	Reads int
	// Total is how many reads of all domains together may be in progress at once. 0
	// means 128; less means that there is no such bound.
	Total int
	// Retried is called before each retry with the kind of failure that it is
	// for. nil observes nothing.
	Retried func(context.Context, failure.Kind)
	// Now is the clock; nil is the system's.
	Now func() time.Time
}

// Pace is shared by all mounts. It starts no goroutine.
type Pace struct {
	reads   int
	retried func(context.Context, failure.Kind)
	now     func() time.Time

	places *places

	mu        sync.Mutex
	domains   map[place.Domain]*domain // without CA bundle
	idle      *list.List               // of *domain, those that nobody reads from; the longest unused first
	histories *list.List               // of *history, of all domains; the oldest failure first
}

// New makes a Pace that knows no domain yet.
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
	if c.Retried == nil {
		c.Retried = func(context.Context, failure.Kind) {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Pace{reads: c.Reads, retried: c.Retried, now: c.Now, places: newPlaces(c.Total),
		domains: map[place.Domain]*domain{}, idle: list.New(), histories: list.New()}
}

// Mount is one mount of a namespace. Namespaces take turns to read, and within each its
// mounts. Make one with NewMount.
type Mount struct{ namespace string }

// NewMount makes a Mount that is not equal to any other.
func NewMount(namespace string) *Mount { return &Mount{strings.Clone(namespace)} }

// Asker says who wants to read, and where.
type Asker struct {
	Mount *Mount
	// Turn is the read's place in the line for room, for Share. nil stands for one of
	// the mount alone.
	Turn       *Turn
	Credential [sha256.Size]byte
	Domain     place.Domain
	// Hurried says that the read has no more time than Patience: that a store gives no
	// answer in it proves nothing to those who wait longer.
	Hurried bool
}

// Patience is how long a read waits for an answer if its mount has something else to fall
// back on: a stale value, or another store. Reads with no more time than that are hurried.
const Patience = 5 * time.Second

// Do reads when it is time, and again where that may help and fits into ctx's time. The
// error is nil if a read succeeded. A panic of read goes through.
func (p *Pace) Do(ctx context.Context, a Asker, read func(context.Context) (okms.Secret, *okms.Error)) (okms.Secret, *okms.Error) {
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
		if failed.Kind == failure.TimedOut && before != nil {
			return secret, before // which tells more than that the time is over
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

// Share has another mount wait for the read of a, which then is also that one's
// turn: a mount of few reads does not wait in the queue of one of many whose read
// it joined.
func (p *Pace) Share(a Asker, with *Mount) {
	p.places.share(a.Turn, a.Mount, with)
}

// leaveTime keeps something of ctx's time for what comes after the read: to
// answer the mount while its caller still listens.
func leaveTime(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, bounded := ctx.Deadline()
	if !bounded {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, deadline.Add(-min(500*time.Millisecond, time.Until(deadline)/10)))
}

// once reads once, if that is allowed. asked says whether it was.
func (p *Pace) once(ctx context.Context, d *domain, a Asker, read func(context.Context) (okms.Secret, *okms.Error)) (secret okms.Secret, asked bool, failed *okms.Error) {
	said := nothing
	begin := time.Now()
	defer func() { p.conclude(d, a, said, failed, time.Since(begin)) }()
	leave, refused := p.admit(ctx, d, a)
	if refused != nil {
		return secret, false, refused
	}
	defer leave()
	begin = time.Now()
	secret, failed = read(ctx)
	switch {
	case failed == nil || !failed.Kind.MayPass():
		said = works
	case failed.Kind == failure.TimedOut && time.Since(begin) < shortestTelling: // our time was too short to blame the store
	case !errors.Is(ctx.Err(), context.Canceled): // else all callers left, which says nothing of the store
		said = fails
	}
	return secret, true, failed
}

// admit waits until the domain may be asked and there is a place, or says why it is not
// asked. The caller calls leave.
func (p *Pace) admit(ctx context.Context, d *domain, a Asker) (leave func(), refused *okms.Error) {
	for {
		wait, refused := p.allow(ctx, d, a)
		if refused != nil {
			return nil, refused
		}
		if wait > 0 {
			if !sleep(ctx, wait+rand.N(wait/4+1)) {
				return nil, &okms.Error{Kind: failure.TimedOut, Text: "waited as long as OKMS asked for"}
			}
			continue
		}
		leave, ok := p.places.enter(ctx, d.room, a, leastTime)
		if !ok {
			return nil, &okms.Error{Kind: failure.TimedOut, Queued: true, Text: "waited for other reads of this node to end"}
		}
		// Those that had the places until now may have failed.
		if wait, refused = p.allow(ctx, d, a); wait == 0 && refused == nil {
			return leave, nil
		}
		leave()
	}
}

// allow says whether a may read now. It may if both results are zero. wait is how long it
// must wait first; refused is the failure that stands for a new one.
func (p *Pace) allow(ctx context.Context, d *domain, a Asker) (wait time.Duration, refused *okms.Error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return d.breakersOf(a.Credential).allow(ctx, a, p.now())
}

// conclude learns from the end of a read that took so long.
func (p *Pace) conclude(d *domain, a Asker, said verdict, failed *okms.Error, took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := d.histories[a.Credential]
	if said == fails {
		h = p.history(d, a.Credential, p.now())
	}
	if h != nil {
		h.breakers.conclude(a, said, failed, took, p.now())
	}
}

// Resting is why a's reads fail at once at the moment, while another mount may try; nil
// if they do not. A read that is in progress then is such a trial. It is for who has
// something to fall back on.
func (p *Pace) Resting(a Asker) *okms.Error {
	a.Domain.CABundle = ""
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.domains[a.Domain]
	if d == nil {
		return nil
	}
	return d.breakersOf(a.Credential).resting(a)
}

// sleep waits, and says whether ctx lasted.
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
