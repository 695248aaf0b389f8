// SPDX-License-Identifier: Apache-2.0

package pace

import (
	"context"
	"slices"
	"time"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
)

// Rule 11: when a circuit breaker opens, and how it closes. It opens after the reads of
// tripAfter mounts in a row failed; reads then fail at once with the last failure. It is
// half-open for one trial after firstBackoff, and after twice as long each time the trial
// fails, at most longestBackoff. Any answer that shows that OKMS works, also a 404, closes
// it.
const (
	tripAfter      = 3
	firstBackoff   = time.Second
	longestBackoff = 10 * time.Second
)

// trialAlone is how long a trial is the only one. If it hangs, the store may work again for
// the next mount.
const trialAlone = 5 * time.Second

// longestPause is the longest Retry-After that also stops other mounts (rule 10). A longer
// one ends only the mount that got it: an hour sent by mistake must not stop all pods for
// an hour.
const longestPause = 30 * time.Second

type state int

const (
	closed   state = iota // reads go through, and failures are counted
	open                  // reads fail at once until retryAt; then the next mount tries
	halfOpen              // one mount tries; the reads of others fail at once
)

// breaker is the circuit breaker for one credential and one domain. It exists from the
// first failure to the next answer. Pace.mu guards it.
type breaker struct {
	state state
	last  *okms.Error // the last failure
	// failures are the mounts whose reads failed in a row while the breaker was closed.
	failures []*Mount
	backoff  time.Duration
	retryAt  time.Time
	// trial is the mount that has the trial, since trialSince, with its reads in trying.
	trial      *Mount
	trialSince time.Time
	trying     []*Turn
	// OKMS asked, by Retry-After, for no reads until pausedUntil.
	pausedUntil time.Time
}

// verdict is what the end of a read says about the store.
type verdict int

const (
	nothing verdict = iota // it was not asked, or the answer was not awaited
	works                  // it answered, be it with a refusal
	fails                  // it could not be reached, or has a fault
)

// allow reports whether a may read now: it may if both results are zero. wait is how long
// it must wait first. refused is the failure that is returned in place of a read.
func (b *breaker) allow(ctx context.Context, a Asker, now time.Time) (wait time.Duration, refused *okms.Error) {
	// A longer pause than the longest that is kept means that the clock jumped back.
	if pause := b.pausedUntil.Sub(now); pause > 0 && pause <= longestPause {
		if deadline, bounded := ctx.Deadline(); bounded && time.Until(deadline) < pause {
			return 0, b.repeated("OKMS asked this node to wait")
		}
		return pause, nil
	}
	switch {
	case b.state == closed:
		return 0, nil
	case b.trial == a.Mount:
	case isAhead(now, b.retryAt, longestBackoff):
		return 0, b.repeated(openText)
	case b.state == halfOpen && isAhead(now, b.trialSince.Add(trialAlone), trialAlone):
		return 0, b.repeated(openText)
	default:
		b.state, b.trial, b.trialSince, b.trying = halfOpen, a.Mount, now, nil
	}
	if !slices.Contains(b.trying, a.Turn) {
		b.trying = append(b.trying, a.Turn)
	}
	return 0, nil
}

// isAhead reports whether a time is in the future, and no further than it was when it was
// set. If it is further, the clock jumped back.
func isAhead(now, at time.Time, most time.Duration) bool {
	return now.Before(at) && at.Sub(now) <= most
}

const openText = "this failed for several mounts, and is tried again in a moment"

// repeated returns the last failure for a read that is not sent, and why it is not.
func (b *breaker) repeated(why string) *okms.Error {
	e := *b.last
	if e.Text != "" {
		e.Text += "; "
	}
	e.Text += why
	return &e
}

// success closes the breaker. over reports whether the breaker can be dropped: it cannot
// while a pause that OKMS asked for lasts, since a limiter may answer one read and refuse
// another.
func (b *breaker) success(now time.Time) (over bool) {
	b.state, b.trial, b.trying, b.failures = closed, nil, nil, nil
	return !b.pausedUntil.After(now)
}

// failure counts a failed read, and opens the breaker if it is one too many.
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
	b.state, b.trial, b.trying = open, nil, nil
	b.backoff, b.retryAt = backoff, now.Add(backoff)
}

// abandoned counts a read that ended without a verdict. If it was the last one of the mount that has
// the trial, the next mount may have a trial. Others may be in progress: one read of the mount may be
// sent, while another is refused by the second breaker.
func (b *breaker) abandoned(a Asker) {
	if b.state != halfOpen || b.trial != a.Mount {
		return
	}
	b.trying = slices.DeleteFunc(b.trying, func(t *Turn) bool { return t == a.Turn })
	if len(b.trying) == 0 {
		b.state, b.trial = open, nil
	}
}

// breakers are those of a credential in a domain; a nil one is closed and has no failures.
// The second one is for hurried reads only: that a store does not answer them in their
// short time proves nothing to reads that wait longer.
type breakers [2]*breaker

const (
	ofAll = iota
	ofHurried
)

// allow reports whether a may read now, by all breakers that apply to it.
func (all breakers) allow(ctx context.Context, a Asker, now time.Time) (wait time.Duration, refused *okms.Error) {
	if b := all[ofHurried]; b != nil && a.Hurried && slices.Contains(b.failures, a.Mount) {
		// It has waited for one read, and does not wait for each of its others.
		return 0, b.repeated("another secret of this mount was waited for already")
	}
	for _, b := range all.bearingOn(a) {
		if wait, refused = b.allow(ctx, a, now); wait > 0 || refused != nil {
			break
		}
	}
	return wait, refused
}

// bearingOn returns the breakers that apply to a.
func (all breakers) bearingOn(a Asker) (some []*breaker) {
	if all[ofAll] != nil {
		some = append(some, all[ofAll])
	}
	if all[ofHurried] != nil && a.Hurried {
		some = append(some, all[ofHurried])
	}
	return some
}

// resting returns the failure that reads of a get at once, nil if the breakers are closed
// or a has the trial.
func (all breakers) resting(a Asker) *okms.Error {
	for _, b := range all.bearingOn(a) {
		if b.state != closed && b.trial != a.Mount {
			return b.repeated(openText)
		}
	}
	return nil
}

// conclude counts the end of a read, which took so long, in each breaker that it says
// something about.
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
			b.abandoned(a)
		}
	}
}
