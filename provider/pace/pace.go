// Package pace decides when a domain of OKMS is asked: how many reads at once
// and whose turn it is, when a failed one is tried again, and when a domain that
// keeps failing is left alone. It is the one place that retries.
//
// What belongs to a domain as a whole (room for reads, budget of retries) is
// shared by all credentials. What is concluded from failures (a pause that OKMS
// asked for, leaving it alone) is held per credential: OKMS hangs up on a
// certificate without rights, and one team's must not stop the reads of others.
//
// Its rules are 7 to 11 of "The rules of reads" in DESIGN.md. It keeps no values, and
// does not know how a secret is read.
package pace

import (
	"context"
	"crypto/sha256"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"ovhcloud-csi-provider/provider/okms"
)

// How a read is retried. The waits between are random, from 0 to firstWait for
// the first and to twice as much for each further one; four retries take two
// seconds in the mean. Longer troubles are kubelet's to retry, and the pod's
// events tell of them meanwhile.
const (
	mostRetries = 4
	firstWait   = 250 * time.Millisecond
)

// The budget of a domain: so many retries at once, and one more each refill. A
// node then adds at most two requests a second to the load of a store in
// trouble.
const (
	budget = 20
	refill = 500 * time.Millisecond
)

// leastTime is what a read must have to be worth beginning.
const leastTime = 10 * time.Millisecond

// shortestTelling is how long a read without an answer must have lasted to tell anything
// of the store.
const shortestTelling = 3 * time.Second

// forgotten is how long a domain that nobody reads from is remembered.
const forgotten = 10 * time.Minute

// Config of a Pace. The zero value works.
type Config struct {
	// Reads is how many reads of one domain may be under way at once. 0 means 64.
	Reads int
	// Retried is called before each retry with the kind of failure that it is
	// for. nil observes nothing.
	Retried func(okms.Kind)
	// Now is the clock; nil is the system's.
	Now func() time.Time
}

// Pace is shared by all mounts. It starts no goroutine.
type Pace struct {
	reads   int
	retried func(okms.Kind)
	now     func() time.Time

	mu      sync.Mutex
	domains map[okms.Domain]*domain
}

// domain is what is known of one domain. All but room is under Pace.mu.
type domain struct {
	room *room
	// asking is how many calls of Do there are; used is when the last one began.
	asking int
	used   time.Time
	// tokens are retries that may be made now, as of filled.
	tokens float64
	filled time.Time
	// troubles are the credentials whose reads failed of late.
	troubles map[whose]*trouble
}

// New makes a Pace that knows no domain yet.
func New(c Config) *Pace {
	if c.Reads <= 0 {
		c.Reads = 64
	}
	if c.Retried == nil {
		c.Retried = func(okms.Kind) {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Pace{reads: c.Reads, retried: c.Retried, now: c.Now, domains: map[okms.Domain]*domain{}}
}

// Mount stands for one mount, among which the room is shared out. Make one with
// NewMount.
type Mount struct{ _ byte }

// NewMount makes a Mount that is not equal to any other.
func NewMount() *Mount { return new(Mount) }

// Asker says who wants to read, and where.
type Asker struct {
	Mount *Mount
	// Turn is the read's place in the line for room, for Share. nil stands for one of
	// the mount alone.
	Turn       *Turn
	Credential [sha256.Size]byte
	Domain     okms.Domain
}

// Patience is how long a read waits for an answer that has something else to fall
// back on. A Do that is given no more time than this is hurried: what it learns of a
// slow store does not bear on those with more time.
const Patience = 5 * time.Second

// asking is an Asker in a Do.
type asking struct {
	Asker
	hurried bool
}

// Do reads when it is time, and again where that may help and fits into ctx's
// time. The errors of read must have an *okms.Error in their chain, and so have
// Do's. A panic of read goes through.
func (p *Pace) Do(ctx context.Context, a Asker, read func(context.Context) (okms.Secret, error)) (okms.Secret, error) {
	if a.Turn == nil {
		a.Turn = &Turn{}
	}
	deadline, bounded := ctx.Deadline()
	who := asking{a, bounded && time.Until(deadline) <= Patience}
	ctx, cancel := leaveTime(ctx)
	defer cancel()
	d := p.arrive(a.Domain)
	defer p.depart(d)
	var before error
	for retry := 0; ; retry++ {
		secret, asked, err := p.once(ctx, d, who, read)
		if err == nil {
			return secret, nil
		}
		failed := errorOf(err)
		if failed.Kind == okms.TimedOut && before != nil {
			return secret, before // which tells more than that the time is over
		}
		if !asked {
			return secret, err
		}
		wait, again := p.retryWait(ctx, d, failed, retry)
		if !again || !sleep(ctx, wait) {
			return secret, err
		}
		p.retried(failed.Kind)
		before = err
	}
}

// Share has another mount wait for the read of a, which then is also that one's
// turn: a mount of few reads does not wait in the queue of one of many whose read
// it joined.
func (p *Pace) Share(a Asker, with *Mount) {
	d := p.arrive(a.Domain)
	defer p.depart(d)
	d.room.share(a, with)
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
func (p *Pace) once(ctx context.Context, d *domain, a asking, read func(context.Context) (okms.Secret, error)) (secret okms.Secret, asked bool, err error) {
	said := nothing
	var failed *okms.Error
	begin := time.Now()
	defer func() { p.conclude(d, a, said, failed, time.Since(begin)) }()
	if err := p.admit(ctx, d, a); err != nil {
		return secret, false, err
	}
	defer d.room.leave()
	begin = time.Now()
	secret, err = read(ctx)
	switch failed = errorOf(err); {
	case failed == nil || !failed.Kind.MayPass():
		said = works
	case failed.Kind == okms.TimedOut && time.Since(begin) < shortestTelling: // our time was too short to blame the store
	case !errors.Is(ctx.Err(), context.Canceled): // else all callers left, which says nothing of the store
		said = fails
	}
	return secret, true, err
}

// admit waits until the domain may be asked and there is room, or says why it is
// not asked. The caller leaves the room.
func (p *Pace) admit(ctx context.Context, d *domain, a asking) error {
	for {
		wait, refused := p.mayAsk(ctx, d, a)
		if refused != nil {
			return refused
		}
		if wait > 0 {
			if !sleep(ctx, wait+rand.N(wait/4+1)) {
				return &okms.Error{Kind: okms.TimedOut, Text: "waited as long as OKMS asked for"}
			}
			continue
		}
		if !d.room.enter(ctx, a.Asker, leastTime) {
			return &okms.Error{Kind: okms.TimedOut, Queued: true, Text: "waited for other reads of this node to end"}
		}
		// Those that had the room until now may have failed.
		if wait, refused = p.mayAsk(ctx, d, a); wait == 0 && refused == nil {
			return nil
		}
		d.room.leave()
	}
}

// retryWait says whether a failed read is tried again, and after what time.
func (p *Pace) retryWait(ctx context.Context, d *domain, failed *okms.Error, retry int) (wait time.Duration, ok bool) {
	if retry >= mostRetries || !mayRetry(failed) || ctx.Err() != nil {
		return 0, false
	}
	// Not all at the same moment, when many were asked to wait as long.
	wait = max(failed.RetryAfter+rand.N(failed.RetryAfter/4+1), rand.N(firstWait<<retry))
	if deadline, bounded := ctx.Deadline(); bounded && time.Until(deadline) <= wait {
		return 0, false
	}
	return wait, p.spend(d)
}

// mayRetry tells failures that the same read may get over by itself.
func mayRetry(e *okms.Error) bool {
	switch e.Kind {
	case okms.Limited, okms.Unreachable, okms.TokenFailing:
		return true
	case okms.Failing:
		return e.Status == 500 || e.Status == 502 || e.Status == 503 || e.Status == 504
	}
	return false
}

// spend takes a retry out of the domain's budget.
func (p *Pace) spend(d *domain) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	d.tokens = min(budget, d.tokens+max(0, now.Sub(d.filled).Seconds())/refill.Seconds())
	d.filled = now
	if d.tokens < 1 {
		return false
	}
	d.tokens--
	return true
}

// arrive finds or makes the domain. Whom a mount trusts beside makes no other
// domain: a pod may choose its CA bundle, but not how often OKMS is asked.
func (p *Pace) arrive(of okms.Domain) *domain {
	of.CABundle = ""
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.domains[of]
	if d == nil {
		d = &domain{room: newRoom(p.reads), tokens: budget, filled: p.now(), troubles: map[whose]*trouble{}}
		p.domains[of] = d
	}
	d.asking++
	d.used = p.now()
	return d
}

func (p *Pace) depart(d *domain) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d.asking--
}

// Sweep forgets domains that nobody reads from, and troubles that are over. The
// owner calls it now and then.
func (p *Pace) Sweep() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	for of, d := range p.domains {
		for credential, t := range d.troubles {
			if now.Sub(t.since) > forgotten {
				delete(d.troubles, credential)
			}
		}
		if d.asking == 0 && now.Sub(d.used) > forgotten {
			delete(p.domains, of)
		}
	}
}

// errorOf is the *okms.Error in err's chain; nil for a nil err.
func errorOf(err error) *okms.Error {
	if err == nil {
		return nil
	}
	var failed *okms.Error
	if !errors.As(err, &failed) {
		failed = &okms.Error{Kind: okms.Unreadable, Text: err.Error()}
	}
	return failed
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
