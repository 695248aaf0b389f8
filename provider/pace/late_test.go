// SPDX-License-Identifier: Apache-2.0

package pace

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/place"
)

// TestAPlaceThatComesTooLateGoesToTheNext: a read with hardly any time left does not begin,
// and must not keep the place that it was given.
func TestAPlaceThatComesTooLateGoesToTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, r := newPlaces(noBound, newBurst(noBound, always)), newRoom(1)
		leave, ok := p.enter(t.Context(), r, Asker{Mount: NewMount("holds"), Turn: &Turn{}}, 0)
		if !ok {
			t.Fatal("the only place is not given")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		entered := make(chan bool)
		go func() {
			_, ok := p.enter(ctx, r, Asker{Mount: NewMount("late"), Turn: &Turn{}}, time.Second)
			entered <- ok
		}()
		time.Sleep(59 * time.Second) // a second is left, and more than that is wanted
		leave()
		if <-entered {
			t.Error("a read without time got the place")
		}
		p.wantNobodyWaiting(t, []*room{r})
		if leave, ok = p.enter(ctx, r, Asker{Mount: NewMount("next"), Turn: &Turn{}}, 0); !ok {
			t.Fatal("the place is lost")
		}
		leave()
	})
}

// TestAMountThatGivesUpDuringAPause gets an error, and not a read.
func TestAMountThatGivesUpDuringAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Config{})
		limited := func(context.Context) (okms.Secret, *okms.Error) {
			return okms.Secret{}, &okms.Error{Kind: failure.Limited, RetryAfter: 20 * time.Second}
		}
		a := Asker{Mount: NewMount("shop"), Domain: place.Domain{ID: "d"}}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := p.Do(short, a, limited); err == nil {
			t.Fatal("no failure")
		}
		ctx, giveUp := context.WithCancel(t.Context())
		time.AfterFunc(5*time.Second, giveUp)
		a.Mount = NewMount("shop")
		_, err := p.Do(ctx, a, func(context.Context) (okms.Secret, *okms.Error) {
			t.Error("it read during the pause")
			return okms.Secret{}, nil
		})
		if err == nil || err.Kind != failure.TimedOut {
			t.Errorf("got %v", err)
		}
	})
}

// TestASweepDropsClosedBreakers: after an answer, a failure has no more consequences once the
// retry budget is full again.
func TestASweepDropsClosedBreakers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Config{})
		p.fail(t, "d", 1)
		p.Sweep()
		if n := p.histories.Len(); n != 1 {
			t.Errorf("after a failure, those of %d credentials are remembered", n)
		}
		for a := range p.domains {
			for credential := range p.domains[a].histories {
				asker := Asker{Mount: NewMount("shop"), Domain: a, Credential: credential}
				if _, err := p.Do(t.Context(), asker,
					func(context.Context) (okms.Secret, *okms.Error) { return okms.Secret{}, nil }); err != nil {
					t.Error(err)
				}
			}
		}
		p.Sweep()
		if n := p.histories.Len(); n != 0 {
			t.Errorf("after an answer, the failures of %d credentials are remembered", n)
		}
	})
}

// TestTheCauseIsKeptIfARetryRunsOutOfTime: also if the failure of the retry is not called so,
// as that of a token endpoint.
func TestTheCauseIsKeptIfARetryRunsOutOfTime(t *testing.T) {
	for name, second := range map[string]failure.Kind{"the store's": failure.TimedOut,
		"the token endpoint's": failure.TokenFailing} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := New(Config{})
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				calls := 0
				_, err := p.Do(ctx, Asker{Mount: NewMount("shop")}, func(ctx context.Context) (okms.Secret, *okms.Error) {
					if calls++; calls == 1 {
						return okms.Secret{}, &okms.Error{Kind: failure.TokenFailing, Text: "the certificate is not trusted"}
					}
					<-ctx.Done()
					return okms.Secret{}, &okms.Error{Kind: second, Text: "no answer"}
				})
				if calls != 2 || err == nil || err.Text != "the certificate is not trusted" {
					t.Errorf("after %d calls: %v", calls, err)
				}
			})
		})
	}
}
