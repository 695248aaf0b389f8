// SPDX-License-Identifier: Apache-2.0

package pace_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/pace"
	"ovhcloud-csi-provider/provider/place"
)

func TestAReadIsRetriedFourTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scenario{}
		s.always(okms.Error{Kind: failure.Failing, Status: 503})
		wantKind(t, s.mount(t, pace.New(pace.Config{}), 1, time.Hour), failure.Failing)
		if n := len(s.asked); n != 5 {
			t.Errorf("asked %d times, want 5", n)
		}
	})
}

// TestALongRetryAfterIsObeyedByItsMount: it stops no other mount, but the one that got it
// does not ask sooner either, if it has the time.
func TestALongRetryAfterIsObeyedByItsMount(t *testing.T) {
	for range 20 { // the waits are random
		synctest.Test(t, func(t *testing.T) {
			s := &scenario{answers: []*okms.Error{{Kind: failure.Limited, Status: 429, RetryAfter: 40 * time.Second}}}
			wantKind(t, s.mount(t, pace.New(pace.Config{}), 1, time.Hour), "")
			if waited := s.asked[1].Sub(s.asked[0]); waited < 40*time.Second || waited > 51*time.Second {
				t.Errorf("asked again after %s", waited)
			}
		})
	}
}

// TestTheLongestPauseOfAll checks the bound of 30 s, above which a Retry-After
// stops no other mount.
func TestTheLongestPauseOfAll(t *testing.T) {
	for wish, stopped := range map[time.Duration]bool{30 * time.Second: true, 31 * time.Second: false} {
		synctest.Test(t, func(t *testing.T) {
			p := pace.New(pace.Config{})
			s := &scenario{answers: []*okms.Error{{Kind: failure.Limited, RetryAfter: wish}}}
			wantKind(t, s.mount(t, p, 1, time.Second), failure.Limited)
			other := &scenario{}
			got := other.mount(t, p, 1, time.Second)
			if want := map[bool]failure.Kind{true: failure.Limited}[stopped]; got != want || len(other.asked) > 0 == stopped {
				t.Errorf("after a wish of %s another mount got %q, and asked %d times", wish, got, len(other.asked))
			}
		})
	}
}

// TestResting checks the failure that a caller with a fallback or a stale value gets at
// once while the circuit breaker is open.
func TestResting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pace.New(pace.Config{})
		a := asker(1)
		resting := func(a pace.Asker) bool { return p.Resting(a) != nil }
		if resting(a) {
			t.Error("reads of an unknown domain rest")
		}
		s := &scenario{}
		s.always(okms.Error{Kind: failure.Failing, Status: 501})
		for range 2 {
			s.mount(t, p, 1, time.Minute)
		}
		if resting(a) {
			t.Error("reads rest after two failures")
		}
		s.mount(t, p, 1, time.Minute)
		if failed := p.Resting(a); failed == nil || failed.Kind != failure.Failing {
			t.Errorf("after three failures: %v", failed)
		}
		same, other := asker(1), asker(2)
		same.Domain.CABundle, same.Domain.API = "x", place.REST
		if !resting(same) || resting(other) {
			t.Error("the CA bundle or the API counts, or the credential does not")
		}
		time.Sleep(2 * time.Second)
		trial := asker(1)
		ended := make(chan *okms.Error)
		go func() {
			_, err := p.Do(t.Context(), trial, func(context.Context) (okms.Secret, *okms.Error) {
				time.Sleep(time.Second)
				return okms.Secret{}, nil
			})
			ended <- err
		}()
		synctest.Wait()
		if resting(trial) || !resting(a) {
			t.Error("the mount that tries rests, or others do not")
		}
		if err := <-ended; err != nil || resting(a) {
			t.Errorf("after an answer: %v, resting: %v", err, resting(a))
		}
	})
}
