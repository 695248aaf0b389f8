package pace

import (
	"context"
	"slices"
	"time"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
)

// When a circuit breaker opens, and how it closes. After the reads of tripAfter mounts in
// a row failed it opens: reads fail at once with what is known. Then it is half-open
// again and again, after firstBackoff at first and longestBackoff at last: one mount at
// a time may try. The first answer that says that OKMS works, be it a 404, closes it.
const (
	tripAfter      = 3
	firstBackoff   = time.Second
	longestBackoff = 10 * time.Second
)

// trialAlone is how long a trial keeps the others out: where it hangs, the store may work
// again for the next one.
const trialAlone = 5 * time.Second

// longestPause is the longest Retry-After that stops other mounts, too. A longer one ends
// the mount that got it, and those that come are let through until they have failed as
// well: an hour asked for by mistake must not stop pods for an hour.
const longestPause = 30 * time.Second

type state int

const (
	closed   state = iota // reads go through, and failures are counted
	open                  // reads fail at once until retryAt; then the next mount tries
	halfOpen              // one mount tries; the reads of others fail at once
)

// breaker is the circuit breaker of one credential's reads of one domain. It is there
// from the first failure to the next answer. Under Pace.mu.
type breaker struct {
	state state
	last  *okms.Error // the last failure
	// failures are the mounts in a row whose reads failed, while it is closed.
	failures []*Mount
	backoff  time.Duration
	retryAt  time.Time
	// trial is the mount that tries, since trialSince.
	trial      *Mount
	trialSince time.Time
	// Until pausedUntil OKMS wants to be left alone.
	pausedUntil time.Time
}

// verdict is what the end of a read tells of the store.
type verdict int

const (
	nothing verdict = iota // it was not asked, or its answer not waited for
	works                  // it answered, be it with a refusal
	fails                  // it could not be reached, or has a fault
)

// allow says whether m may read now. It may if both results are zero. wait is how long it
// must wait first; refused is the failure that stands for a new one.
func (b *breaker) allow(ctx context.Context, m *Mount, now time.Time) (wait time.Duration, refused *okms.Error) {
	// What is further away than can have been meant is a clock that jumped.
	if pause := b.pausedUntil.Sub(now); pause > 0 && pause <= longestPause {
		if deadline, bounded := ctx.Deadline(); bounded && time.Until(deadline) < pause {
			return 0, b.repeated("OKMS asked this node to wait")
		}
		return pause, nil
	}
	switch {
	case b.state == closed || b.trial == m:
	case isAhead(now, b.retryAt, longestBackoff):
		return 0, b.repeated(openText)
	case b.state == halfOpen && isAhead(now, b.trialSince.Add(trialAlone), trialAlone):
		return 0, b.repeated(openText)
	default:
		b.state, b.trial, b.trialSince = halfOpen, m, now
	}
	return 0, nil
}

// isAhead says whether a moment is still to come, and not further away than it was
// when it was set.
func isAhead(now, at time.Time, most time.Duration) bool {
	return now.Before(at) && at.Sub(now) <= most
}

const openText = "this failed for several mounts, and is tried again in a moment"

// repeated is the last failure, told to somebody for whom nothing was asked.
func (b *breaker) repeated(why string) *okms.Error {
	e := *b.last
	if e.Text != "" {
		e.Text += "; "
	}
	e.Text += why
	return &e
}

// success closes the breaker. It says whether it can be forgotten: a limiter may answer
// one read and refuse another, which does not end a pause that OKMS asked for.
func (b *breaker) success(now time.Time) (over bool) {
	b.state, b.trial, b.failures = closed, nil, nil
	return !b.pausedUntil.After(now)
}

// failure draws the conclusions of one more failure.
func (b *breaker) failure(m *Mount, failed *okms.Error, now time.Time) {
	b.last = failed
	if wish := now.Add(failed.RetryAfter); failed.RetryAfter <= longestPause && wish.After(b.pausedUntil) {
		b.pausedUntil = wish
	}
	switch {
	case b.state == halfOpen && b.trial == m:
		b.open(min(2*b.backoff, longestBackoff), now)
	case b.state == closed:
		if !slices.Contains(b.failures, m) {
			b.failures = append(b.failures, m)
		}
		if len(b.failures) == tripAfter {
			b.failures = nil
			b.open(firstBackoff, now)
		}
	}
}

func (b *breaker) open(backoff time.Duration, now time.Time) {
	b.state, b.trial = open, nil
	b.backoff, b.retryAt = backoff, now.Add(backoff)
}

// abandoned ends m's trial, if there is one, without a verdict: the next one may try.
func (b *breaker) abandoned(m *Mount) {
	if b.state == halfOpen && b.trial == m {
		b.state, b.trial = open, nil
	}
}

// breakers are those of a credential in a domain; nil are closed ones without failures.
// What hurried reads learn of a store that gives no answer in their time is apart, in
// the second one: a store that takes longer may serve others.
type breakers [2]*breaker

const (
	ofAll = iota
	ofHurried
)

// allow says whether a may read now, by all breakers that it is subject to.
func (all breakers) allow(ctx context.Context, a Asker, now time.Time) (wait time.Duration, refused *okms.Error) {
	if b := all[ofHurried]; b != nil && a.Hurried && slices.Contains(b.failures, a.Mount) {
		// It has waited for one read, and need not for each of its others.
		return 0, b.repeated("another secret of this mount was waited for already")
	}
	for _, b := range all.bearingOn(a) {
		if wait, refused = b.allow(ctx, a.Mount, now); wait > 0 || refused != nil {
			break
		}
	}
	return wait, refused
}

// bearingOn returns the breakers that a is subject to.
func (all breakers) bearingOn(a Asker) (some []*breaker) {
	if all[ofAll] != nil {
		some = append(some, all[ofAll])
	}
	if all[ofHurried] != nil && a.Hurried {
		some = append(some, all[ofHurried])
	}
	return some
}

// resting is why a's reads fail at the moment, if it is another mount that may try.
func (all breakers) resting(a Asker) *okms.Error {
	for _, b := range all.bearingOn(a) {
		if b.state != closed && b.trial != a.Mount {
			return b.repeated(openText)
		}
	}
	return nil
}

// conclude learns from the end of a read that took so long.
func (all *breakers) conclude(a Asker, said verdict, failed *okms.Error, took time.Duration, now time.Time) {
	concerned := ofAll
	if said == fails && a.Hurried && failed.Kind == failure.TimedOut {
		concerned = ofHurried
	}
	for which, b := range all {
		switch {
		case said == works && (took < Patience || which == ofAll):
			if b != nil && b.success(now) {
				all[which] = nil
			}
		case said == fails && which == concerned:
			if b == nil {
				b = &breaker{}
				all[which] = b
			}
			b.failure(a.Mount, failed, now)
		case b != nil:
			b.abandoned(a.Mount)
		}
	}
}
