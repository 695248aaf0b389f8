// SPDX-License-Identifier: Apache-2.0

package pace

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/place"
)

// TestASweepKeepsAnOpenBreaker, for ten minutes after the last failure.
func TestASweepKeepsAnOpenBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Config{})
		for range 3 {
			p.fail(t, "d", 1)
		}
		if n := p.histories.Len(); n != 1 {
			t.Fatalf("the failures of %d credentials are remembered", n)
		}
		time.Sleep(time.Minute) // the budget of retries is full again
		p.Sweep()
		if p.histories.Len() != 1 {
			t.Error("an open breaker is forgotten")
		}
		time.Sleep(forgotten)
		p.Sweep()
		if p.histories.Len() != 0 {
			t.Error("a failure from more than ten minutes ago is remembered")
		}
	})
}

// TestATrialIsObserved, and no other read is: the first one after the breaker has opened and rested.
func TestATrialIsObserved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trials := 0
		p := New(Config{Trial: func(context.Context) { trials++ }})
		for range tripAfter + 1 {
			p.fail(t, "d", 1)
		}
		if trials != 0 {
			t.Errorf("%d trials while the breaker was closed or open", trials)
		}
		time.Sleep(firstBackoff)
		p.fail(t, "e", 1)
		p.fail(t, "d", 1)
		if trials != 1 {
			t.Errorf("%d trials, want 1", trials)
		}
	})
}

// TestBreakersAreCountedByState, of all domains and credentials together.
func TestBreakersAreCountedByState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Config{})
		want := func(opened, halfOpened int) {
			t.Helper()
			if o, h := p.Breakers(); o != opened || h != halfOpened {
				t.Errorf("%d are open and %d half-open, want %d and %d", o, h, opened, halfOpened)
			}
		}
		want(0, 0)
		for range tripAfter - 1 {
			p.fail(t, "d", 1)
		}
		want(0, 0)
		for range tripAfter {
			p.fail(t, "d", 1)
			p.fail(t, "e", 1)
			p.fail(t, "e", 2)
		}
		want(3, 0)
		time.Sleep(longestBackoff)
		a := Asker{Mount: NewMount("shop"), Domain: place.Domain{ID: "d"}, Credential: sha256.Sum256(fmt.Append(nil, 1))}
		_, err := p.Do(t.Context(), a, func(context.Context) (okms.Secret, *okms.Error) {
			want(2, 1)
			return okms.Secret{}, nil
		})
		if err != nil {
			t.Error(err)
		}
		want(2, 0)
	})
}

// TestALateFailureDoesNotEndATrial: a read from before the breaker opened may fail while
// another mount tries.
func TestALateFailureDoesNotEndATrial(t *testing.T) {
	trial, late := NewMount("a"), NewMount("b")
	now := time.Now()
	b := &breaker{state: halfOpen, trial: trial, trialSince: now, backoff: firstBackoff}
	b.failure(late, &okms.Error{Kind: failure.Unreachable}, now)
	if b.state != halfOpen || b.trial != trial || b.backoff != firstBackoff {
		t.Errorf("the breaker is %+v", b)
	}
	b.failure(trial, &okms.Error{Kind: failure.Unreachable}, now)
	if b.state != open || b.trial != nil || b.backoff != 2*firstBackoff || !b.retryAt.Equal(now.Add(2*firstBackoff)) {
		t.Errorf("after the trial's own failure it is %+v", b)
	}
	b.abandoned(Asker{Mount: late})
	if b.state != open {
		t.Errorf("a mount that does not try has changed it: %+v", b)
	}
}

// A mount has a trial with one read while another, for which it has a stale value, is refused by the breaker of
// hurried reads: that must not end the trial, or its failure would not count, and the store be asked again at once.
func TestARefusedReadDoesNotEndTheTrialOfItsMount(t *testing.T) {
	now := time.Now()
	failed := &okms.Error{Kind: failure.Unreachable}
	rested := &breaker{state: open, last: failed, backoff: firstBackoff, retryAt: now}
	hurried := &breaker{state: open, last: failed, backoff: longestBackoff, retryAt: now.Add(longestBackoff)}
	all := breakers{rested, hurried}
	mount, other := NewMount("a"), Asker{Mount: NewMount("b"), Turn: &Turn{}}
	sent, refused := Asker{Mount: mount, Turn: &Turn{}}, Asker{Mount: mount, Turn: &Turn{}, Hurried: true}
	allowed := func(a Asker) bool {
		_, no := all.allow(t.Context(), a, now)
		return no == nil
	}
	if !allowed(sent) || allowed(refused) {
		t.Fatal("want the first read sent, and the second one refused")
	}
	all.conclude(refused, nothing, nil, 0, now)
	if allowed(other) {
		t.Errorf("the trial is over: %+v", rested)
	}
	all.conclude(sent, nothing, nil, 0, now)
	if !allowed(other) {
		t.Errorf("no read of the mount is left, and another one gets no trial: %+v", rested)
	}
	all.conclude(other, fails, failed, 0, now)
	if rested.state != open || rested.backoff != 2*firstBackoff || allowed(sent) {
		t.Errorf("after the failure it is %+v", rested)
	}
}

// TestAnAnswerCountsOnceWhenItComes: a read that was Heard may end after the store has failed for others.
func TestAnAnswerCountsOnceWhenItComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Config{})
		a := Asker{Mount: NewMount("a"), Turn: &Turn{}, Domain: place.Domain{ID: "d"}, Credential: sha256.Sum256([]byte("1"))}
		ask := func(last verdict) {
			_, _ = p.Do(t.Context(), a, func(context.Context) (okms.Secret, *okms.Error) {
				if last == nothing {
					p.Heard(a, 0)
					time.Sleep(10 * time.Second)
				}
				return okms.Secret{}, &okms.Error{Kind: failure.Deactivated}
			})
		}
		var all sync.WaitGroup
		all.Go(func() { ask(nothing) })
		time.Sleep(time.Millisecond)
		for range tripAfter {
			p.fail(t, "d", 1)
		}
		all.Wait()
		if opened, halfOpen := p.Breakers(); opened+halfOpen != 1 {
			t.Errorf("%d are open and %d half-open after an answer from before the failures", opened, halfOpen)
		}
		ask(works)
		if opened, halfOpen := p.Breakers(); opened+halfOpen != 0 {
			t.Errorf("%d are open and %d half-open after an answer", opened, halfOpen)
		}
	})
}

// TestBothBreakersBearOnAHurriedRead: if one lets it through, the other is still checked.
func TestBothBreakersBearOnAHurriedRead(t *testing.T) {
	now := time.Now()
	opened := func() *breaker {
		b := &breaker{last: &okms.Error{Kind: failure.TimedOut}}
		b.open(longestBackoff, now)
		return b
	}
	for name, c := range map[string]struct {
		all             breakers
		hurried, others bool // are refused
	}{
		"none": {breakers{}, false, false}, "both closed": {breakers{{}, {}}, false, false},
		"that of the hurried": {breakers{{}, opened()}, true, false}, "that of all": {breakers{opened(), {}}, true, true},
	} {
		for hurried, want := range map[bool]bool{true: c.hurried, false: c.others} {
			a := Asker{Mount: NewMount("shop"), Hurried: hurried}
			if _, refused := c.all.allow(t.Context(), a, now); (refused != nil) != want {
				t.Errorf("%s is open, hurried %v: refused with %v", name, hurried, refused)
			}
		}
	}
}
