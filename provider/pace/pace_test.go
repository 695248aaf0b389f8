// SPDX-License-Identifier: Apache-2.0

package pace_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/pace"
	"ovhcloud-csi-provider/provider/place"
)

// scenario is a store whose next answers are told in advance.
type scenario struct {
	answers []*okms.Error // nil is a good one; after the last, all are good
	asked   []time.Time
	takes   time.Duration
}

func (s *scenario) read(ctx context.Context) (okms.Secret, *okms.Error) {
	s.asked = append(s.asked, time.Now())
	select {
	case <-time.After(s.takes):
	case <-ctx.Done():
		return okms.Secret{}, &okms.Error{Kind: failure.TimedOut}
	}
	if len(s.answers) == 0 {
		return okms.Secret{Version: 1}, nil
	}
	next := s.answers[0]
	s.answers = s.answers[1:]
	if next != nil {
		return okms.Secret{}, next
	}
	return okms.Secret{Version: 1}, nil
}

func (s *scenario) always(e okms.Error) {
	for range 1000 {
		s.answers = append(s.answers, &e)
	}
}

// mount is one read by a new mount that has this much time: "" is success, else
// the kind.
func (s *scenario) mount(t *testing.T, p *pace.Pace, credential byte, limit time.Duration) failure.Kind {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	a := asker(credential)
	a.Hurried = isHurried(ctx)
	_, err := p.Do(ctx, a, s.read)
	if ctx.Err() != nil {
		t.Error("nothing was left of the mount's time")
	}
	return kind(err)
}

func isHurried(ctx context.Context) bool {
	deadline, bounded := ctx.Deadline()
	return bounded && time.Until(deadline) <= pace.Patience
}

func kind(err *okms.Error) failure.Kind {
	if err == nil {
		return ""
	}
	return err.Kind
}

func asker(credential byte) pace.Asker {
	return pace.Asker{Mount: pace.NewMount("shop"), Credential: [32]byte{credential}, Domain: place.Domain{ID: "d"}}
}

func wantKind(t *testing.T, got, want failure.Kind) {
	t.Helper()
	if got != want {
		t.Errorf("the mount ended with %q, want %q", got, want)
	}
}

func TestWhatIsRetried(t *testing.T) {
	cases := []struct {
		failure okms.Error
		asked   int
	}{
		{okms.Error{Kind: failure.Limited, Status: 429}, 2},
		{okms.Error{Kind: failure.Failing, Status: 500}, 2},
		{okms.Error{Kind: failure.Failing, Status: 502}, 2},
		{okms.Error{Kind: failure.Failing, Status: 503}, 2},
		{okms.Error{Kind: failure.Failing, Status: 504}, 2},
		{okms.Error{Kind: failure.Unreachable}, 2},
		{okms.Error{Kind: failure.Failing, Status: 501}, 1},
		{okms.Error{Kind: failure.Failing, Status: 408}, 1},
		{okms.Error{Kind: failure.TimedOut}, 1},
		{okms.Error{Kind: failure.Unauthenticated, Status: 401}, 1},
		{okms.Error{Kind: failure.Denied, Status: 403}, 1},
		{okms.Error{Kind: failure.SecretAbsent, Status: 404}, 1},
		{okms.Error{Kind: failure.Rejected, Status: 400}, 1},
		{okms.Error{Kind: failure.Untrusted}, 1},
		{okms.Error{Kind: failure.Unreadable, Status: 200}, 1},
		{okms.Error{Kind: failure.TokenFailing}, 2},
		{okms.Error{Kind: failure.TokenFailing, Status: 503}, 2},
		{okms.Error{Kind: failure.TokenFailing, Status: 429}, 2},
		{okms.Error{Kind: failure.TokenFailing, Status: 403}, 1},
	}
	for _, c := range cases {
		t.Run(strings.TrimSpace(c.failure.Error()), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &scenario{answers: []*okms.Error{&c.failure}}
				var retried []failure.Kind
				p := pace.New(pace.Config{Retried: func(_ context.Context, k failure.Kind) { retried = append(retried, k) }})
				want := c.failure.Kind
				if c.asked > 1 {
					want = ""
				}
				wantKind(t, s.mount(t, p, 1, time.Minute), want)
				if len(s.asked) != c.asked || len(retried) != c.asked-1 {
					t.Errorf("asked %d times, want %d; observed %v", len(s.asked), c.asked, retried)
				}
			})
		})
	}
}

func TestRetriesEndInTimeWithTheTrueReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, limit := range []time.Duration{10 * time.Millisecond, time.Second, time.Minute} {
			s := &scenario{takes: limit / 4}
			s.always(okms.Error{Kind: failure.Failing, Status: 503})
			wantKind(t, s.mount(t, pace.New(pace.Config{}), 1, limit), failure.Failing)
			if n := len(s.asked); n > 5 {
				t.Errorf("within %s it was asked %d times", limit, n)
			}
		}
	})
}

func TestRetryAfterIsObeyed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scenario{answers: []*okms.Error{{Kind: failure.Limited, Status: 429, RetryAfter: 7 * time.Second}}}
		p := pace.New(pace.Config{})
		var both sync.WaitGroup
		both.Go(func() { wantKind(t, s.mount(t, p, 1, time.Minute), "") })
		synctest.Wait()
		both.Go(func() { wantKind(t, s.mount(t, p, 1, time.Minute), "") }) // another mount waits, too
		both.Wait()
		if len(s.asked) != 3 || s.asked[1].Sub(s.asked[0]) < 7*time.Second || s.asked[2].Sub(s.asked[0]) < 7*time.Second {
			t.Errorf("asked at %v", s.asked)
		}
	})
}

func TestARetryAfterBeyondTheMountsTimeFailsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scenario{answers: []*okms.Error{{Kind: failure.Limited, Status: 429, RetryAfter: 20 * time.Second}}}
		p := pace.New(pace.Config{})
		begin := time.Now()
		wantKind(t, s.mount(t, p, 1, 10*time.Second), failure.Limited)
		wantKind(t, s.mount(t, p, 1, 10*time.Second), failure.Limited)
		if len(s.asked) != 1 || time.Since(begin) != 0 {
			t.Errorf("asked %d times in %s", len(s.asked), time.Since(begin))
		}
		wantKind(t, s.mount(t, p, 2, 10*time.Second), "") // it was not said to this credential
		time.Sleep(20 * time.Second)
		wantKind(t, s.mount(t, p, 1, 10*time.Second), "")
	})
}

func TestARetryAfterOfAnHourIsNotBelievedForAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scenario{}
		s.always(okms.Error{Kind: failure.Limited, Status: 429, RetryAfter: time.Hour})
		p := pace.New(pace.Config{})
		for range 100 { // of which three ask
			wantKind(t, s.mount(t, p, 1, 45*time.Second), failure.Limited)
		}
		if len(s.asked) != 3 || time.Since(s.asked[0]) != 0 {
			t.Errorf("asked %d times in %s", len(s.asked), time.Since(s.asked[0]))
		}
		s.answers = nil
		time.Sleep(time.Second)
		wantKind(t, s.mount(t, p, 1, 45*time.Second), "")
	})
}

func TestTheBudgetBoundsRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scenario{}
		s.always(okms.Error{Kind: failure.Failing, Status: 503})
		p := pace.New(pace.Config{})
		for credential := range byte(50) {
			wantKind(t, s.mount(t, p, credential, time.Minute), failure.Failing)
		}
		// Some time passed, so there were more than the first twenty.
		most := 50 + 20 + int(s.asked[len(s.asked)-1].Sub(s.asked[0])/(500*time.Millisecond)) + 1
		if got := len(s.asked); got > most || got <= 50 {
			t.Errorf("50 mounts asked %d times, want at most %d", got, most)
		}
	})
}

func TestAStoreThatKeepsFailingIsProbedByOneMountAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scenario{}
		s.always(okms.Error{Kind: failure.Failing, Status: 501, Text: "down"}) // not retried
		p := pace.New(pace.Config{})
		for range 3 {
			wantKind(t, s.mount(t, p, 1, time.Minute), failure.Failing)
		}
		probed := 3
		for _, rest := range []time.Duration{1, 2, 4, 8, 10, 10} {
			for range 5 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				_, err := p.Do(ctx, asker(1), s.read)
				cancel()
				if kind(err) != failure.Failing || !strings.Contains(err.Error(), "down; this failed for several mounts") {
					t.Errorf("got %v", err)
				}
			}
			if len(s.asked) != probed {
				t.Errorf("asked %d times, want %d", len(s.asked), probed)
			}
			time.Sleep(rest * time.Second)
			s.takes = time.Second // while one probes, the others fail
			var some sync.WaitGroup
			for range 5 {
				some.Go(func() { wantKind(t, s.mount(t, p, 1, time.Minute), failure.Failing) })
			}
			some.Wait()
			s.takes = 0
			probed++
		}
		wantKind(t, s.mount(t, p, 2, time.Minute), failure.Failing) // another credential asks for itself
		s.answers = nil
		time.Sleep(10 * time.Second)
		for range 5 {
			wantKind(t, s.mount(t, p, 1, time.Minute), "")
		}
	})
}

// down is a failure that tells at once, and is not retried.
var down = &okms.Error{Kind: failure.Failing, Status: 501}

func TestARefusalSaysThatTheStoreWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		absent := &okms.Error{Kind: failure.SecretAbsent}
		s := &scenario{answers: []*okms.Error{down, down, absent, down, down, absent, down, down, nil, nil}}
		p := pace.New(pace.Config{})
		for _, want := range []failure.Kind{failure.Failing, failure.Failing, failure.SecretAbsent, failure.Failing,
			failure.Failing, failure.SecretAbsent, failure.Failing, failure.Failing, "", ""} {
			wantKind(t, s.mount(t, p, 1, time.Minute), want)
		}
	})
}

func TestAProberThatIsGoneLeavesItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scenario{answers: []*okms.Error{down, down, down}}
		p := pace.New(pace.Config{})
		for range 3 {
			wantKind(t, s.mount(t, p, 1, time.Minute), failure.Failing)
		}
		time.Sleep(time.Second)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		s.takes = time.Second
		if _, err := p.Do(ctx, asker(1), s.read); kind(err) != failure.TimedOut {
			t.Errorf("got %v", err)
		}
		func() {
			defer func() { _ = recover() }()
			_, _ = p.Do(t.Context(), asker(1), func(context.Context) (okms.Secret, *okms.Error) { panic("planted") })
			t.Error("the panic did not come through")
		}()
		wantKind(t, s.mount(t, p, 1, time.Minute), "")
	})
}

func TestAProberThatHangsLeavesItsPlaceToAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scenario{answers: []*okms.Error{down, down, down}}
		p := pace.New(pace.Config{})
		for range 3 {
			wantKind(t, s.mount(t, p, 1, time.Minute), failure.Failing)
		}
		time.Sleep(time.Second)
		hanging := &scenario{takes: time.Hour}
		var probing sync.WaitGroup
		probing.Go(func() { wantKind(t, hanging.mount(t, p, 1, 45*time.Second), failure.TimedOut) })
		synctest.Wait()
		time.Sleep(5*time.Second - time.Nanosecond)
		wantKind(t, s.mount(t, p, 1, time.Minute), failure.Failing)
		if n := len(s.asked); n != 3 {
			t.Errorf("a second one probed too early")
		}
		time.Sleep(time.Nanosecond)
		for range 3 {
			wantKind(t, s.mount(t, p, 1, time.Minute), "")
		}
		probing.Wait()
		wantKind(t, s.mount(t, p, 1, time.Minute), "")
	})
}

func TestRoomIsSharedOutInTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pace.New(pace.Config{Reads: 5}) // of which one namespace has four
		var under, most atomic.Int64
		read := func(context.Context) (okms.Secret, *okms.Error) {
			most.Store(max(most.Load(), under.Add(1)))
			time.Sleep(20 * time.Millisecond)
			under.Add(-1)
			return okms.Secret{}, nil
		}
		var all sync.WaitGroup
		greedy := asker(1)
		for range 500 {
			all.Go(func() { _, _ = p.Do(t.Context(), greedy, read) })
		}
		synctest.Wait()
		begin := time.Now()
		for range 3 {
			a := asker(2)
			all.Go(func() {
				for range 2 {
					_, _ = p.Do(t.Context(), a, read)
				}
				if took := time.Since(begin); took > 100*time.Millisecond {
					t.Errorf("a small mount took %s beside a large one", took)
				}
			})
		}
		all.Wait()
		if most.Load() != 4 {
			t.Errorf("%d reads at once", most.Load())
		}
	})
}

func TestAReadThatASmallMountJoinedIsItsTurnToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pace.New(pace.Config{Reads: 5}) // of which one namespace has four
		begin := time.Now()
		read := func(context.Context) (okms.Secret, *okms.Error) {
			time.Sleep(20 * time.Millisecond)
			return okms.Secret{}, nil
		}
		greedy := pace.NewMount("shop")
		ask := func(turn *pace.Turn) time.Duration {
			_, _ = p.Do(t.Context(), pace.Asker{Mount: greedy, Turn: turn, Domain: place.Domain{ID: "d"}}, read)
			return time.Since(begin)
		}
		var all sync.WaitGroup
		for range 300 {
			all.Go(func() { ask(nil) })
		}
		synctest.Wait()
		in, before := &pace.Turn{}, &pace.Turn{}
		// not in line yet
		p.Share(pace.Asker{Mount: greedy, Turn: before, Domain: place.Domain{ID: "d"}}, pace.NewMount("shop"))
		for name, turn := range map[string]*pace.Turn{"in line": in, "before it stood in line": before} {
			all.Go(func() {
				if took := ask(turn); took > 60*time.Millisecond {
					t.Errorf("a read that was joined %s took %s", name, took)
				}
			})
		}
		synctest.Wait()
		small := pace.NewMount("shop")
		for range 3 { // each mount counts once
			p.Share(pace.Asker{Mount: greedy, Turn: in, Domain: place.Domain{ID: "d"}}, small)
		}
		p.Share(pace.Asker{Mount: greedy, Turn: in, Domain: place.Domain{ID: "d"}}, greedy)
		all.Wait()
		// 302 reads, 4 at once: no place was lost or given twice
		if took := time.Since(begin); took != 76*20*time.Millisecond {
			t.Errorf("all took %s", took)
		}
	})
}

func TestWhoWaitsForRoomInVainLeavesTheLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scenario{takes: 3 * time.Second}
		p := pace.New(pace.Config{Reads: 1})
		var all sync.WaitGroup
		all.Go(func() { wantKind(t, s.mount(t, p, 1, time.Minute), "") })
		synctest.Wait()
		_, err := func() (okms.Secret, *okms.Error) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			return p.Do(ctx, asker(1), s.read)
		}()
		if kind(err) != failure.TimedOut || !strings.Contains(err.Error(), "waited for other reads") {
			t.Errorf("got %v", err)
		}
		all.Wait()
		wantKind(t, s.mount(t, p, 1, time.Minute), "")
		if len(s.asked) != 2 {
			t.Errorf("asked %d times", len(s.asked))
		}
	})
}
