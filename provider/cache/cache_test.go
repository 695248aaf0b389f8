// SPDX-License-Identifier: Apache-2.0

package cache_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ovhcloud-csi-provider/provider/cache"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/provider/sensitive"
)

// store counts reads and answers each with the next version.
type store struct {
	reads  atomic.Int64
	takes  time.Duration
	fail   *okms.Error
	ended  atomic.Int64 // reads that were cancelled
	crash  any
	length int
}

func (s *store) read(ctx context.Context) (okms.Secret, *okms.Error) {
	n := s.reads.Add(1)
	select {
	case <-time.After(s.takes):
	case <-ctx.Done():
		s.ended.Add(1)
		return okms.Secret{}, &okms.Error{Kind: failure.TimedOut}
	}
	if s.crash != nil {
		panic(s.crash)
	}
	if s.fail != nil {
		return okms.Secret{}, s.fail
	}
	return okms.Secret{Path: "p", Version: int(n), Data: sensitive.New(make([]byte, s.length))}, nil
}

// of is a read by a credential of a path.
func (s *store) of(credential byte, path string) cache.Read {
	return cache.Read{Key: cache.Key{Credential: [32]byte{credential}, Domain: place.Domain{ID: "d"},
		Ref: okms.Ref{Path: path}}, Do: s.read}
}

// version is the version that a read gets, 0 for an error.
func version(t *testing.T, c *cache.Cache, r cache.Read) int {
	t.Helper()
	v, err := c.Get(t.Context(), r)
	if err != nil {
		return 0
	}
	return v.Secret.Version
}

func wantVersion(t *testing.T, c *cache.Cache, r cache.Read, want int) {
	t.Helper()
	if got := version(t, c, r); got != want {
		t.Errorf("got version %d, want %d", got, want)
	}
}

func TestAValueIsServedForItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		var served []cache.Outcome
		var ages []time.Duration
		c := cache.New(cache.Config{TTL: 30 * time.Second,
			Observe: func(_ context.Context, o cache.Outcome) { served = append(served, o) },
			Age:     func(_ context.Context, age time.Duration) { ages = append(ages, age) }})
		wantVersion(t, c, s.of(1, "p"), 1)
		time.Sleep(29 * time.Second)
		wantVersion(t, c, s.of(1, "p"), 1)
		time.Sleep(time.Second)
		wantVersion(t, c, s.of(1, "p"), 2)
		if got := fmt.Sprint(served); got != "[miss hit miss]" {
			t.Errorf("observed %s", got)
		}
		if got := fmt.Sprint(ages); got != "[29s]" {
			t.Errorf("the ages are %s", got)
		}
	})
}

func TestNothingIsSharedAcrossKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		c := cache.New(cache.Config{TTL: time.Hour})
		base := s.of(1, "p")
		domain, pinned := base, base
		domain.Key.Domain.CABundle = "other"
		pinned.Key.Ref.Version = 1
		for i, r := range []cache.Read{base, s.of(2, "p"), s.of(1, "q"), domain, pinned} {
			wantVersion(t, c, r, i+1)
		}
	})
}

func TestWithoutATTLNothingIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		c := cache.New(cache.Config{})
		wantVersion(t, c, s.of(1, "p"), 1)
		wantVersion(t, c, s.of(1, "p"), 2)
		if n, bytes := c.Size(); n != 0 || bytes != 0 {
			t.Errorf("%d values of %d bytes are kept", n, bytes)
		}
	})
}

func TestEqualReadsAreJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{takes: time.Second}
		c := cache.New(cache.Config{})
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() { wantVersion(t, c, s.of(1, "p"), 1) })
		}
		all.Wait()
		if got := s.reads.Load(); got != 1 {
			t.Errorf("%d reads", got)
		}
	})
}

func TestWhoGivesUpDoesNotFailTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{takes: time.Second}
		c := cache.New(cache.Config{})
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			_, err := c.Get(ctx, s.of(1, "p"))
			if err == nil || err.Kind != failure.TimedOut {
				t.Errorf("who gave up got %v", err)
			}
		})
		synctest.Wait()
		all.Go(func() { wantVersion(t, c, s.of(1, "p"), 1) })
		synctest.Wait()
		cancel()
		all.Wait()
		if s.reads.Load() != 1 || s.ended.Load() != 0 {
			t.Errorf("%d reads, %d cancelled", s.reads.Load(), s.ended.Load())
		}
	})
}

func TestTheLastOneGoneCancelsTheRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{takes: time.Hour}
		c := cache.New(cache.Config{TTL: time.Hour})
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				if _, err := c.Get(ctx, s.of(1, "p")); err == nil {
					t.Error("got a value")
				}
			})
		}
		synctest.Wait()
		cancel()
		all.Wait()
		if s.ended.Load() != 1 {
			t.Error("the read goes on")
		}
		s.takes = 0
		wantVersion(t, c, s.of(1, "p"), 2)
	})
}

func TestWhoHasMoreTimeReadsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{takes: 10 * time.Second}
		c := cache.New(cache.Config{})
		hasty, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		patient, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := c.Get(hasty, s.of(1, "p")); err == nil {
				t.Error("the hasty one got a value")
			}
		})
		synctest.Wait()
		all.Go(func() {
			if v, err := c.Get(patient, s.of(1, "p")); err != nil || v.Secret.Version != 2 {
				t.Errorf("the patient one got %v, %v", v, err)
			}
		})
		all.Wait()
	})
}

func TestAPanicReachesAllWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{takes: time.Second, crash: "planted"}
		c := cache.New(cache.Config{TTL: time.Hour})
		var crashes atomic.Int64
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				defer func() {
					if crash, is := recover().(*cache.Crash); is && crash.Value == "planted" && len(crash.Stack) > 0 {
						crashes.Add(1)
					}
				}()
				_, _ = c.Get(t.Context(), s.of(1, "p"))
			})
		}
		all.Wait()
		if crashes.Load() != 5 {
			t.Errorf("%d of 5 got it", crashes.Load())
		}
		s.crash = nil
		wantVersion(t, c, s.of(1, "p"), 2)
	})
}

// staleOf is a read that accepts a value of up to an hour ago.
func (s *store) staleOf(credential byte, path string) cache.Read {
	r := s.of(credential, path)
	r.MaxStale = time.Hour
	return r
}

func TestErrorsDropWhatTheySpeakAgainst(t *testing.T) {
	cases := []struct {
		kind                failure.Kind
		same, other, theirs int // versions served after it: of the secret, of another one, of another credential
	}{
		{failure.Unauthenticated, 0, 0, 3},
		{failure.Denied, 0, 2, 3},
		{failure.DomainUnknown, 0, 2, 3},
		{failure.SecretAbsent, 0, 2, 3},
		{failure.VersionAbsent, 0, 2, 3},
		{failure.Deactivated, 0, 2, 3},
		{failure.Deleted, 0, 2, 3},
		{failure.Rejected, 0, 2, 3},
		{failure.Untrusted, 1, 2, 3},
		{failure.Unreadable, 1, 2, 3},
		{failure.NodeFull, 1, 2, 3},
		{failure.Failing, 1, 2, 3},
	}
	for _, k := range cases {
		t.Run(string(k.kind), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &store{}
				c := cache.New(cache.Config{})
				wantVersion(t, c, s.staleOf(1, "p"), 1)
				wantVersion(t, c, s.staleOf(1, "q"), 2)
				wantVersion(t, c, s.staleOf(2, "p"), 3)
				s.fail = &okms.Error{Kind: k.kind}
				wantVersion(t, c, s.of(1, "p"), 0)
				s.fail = &okms.Error{Kind: failure.Unreachable}
				wantVersion(t, c, s.staleOf(1, "p"), k.same)
				wantVersion(t, c, s.staleOf(1, "q"), k.other)
				wantVersion(t, c, s.staleOf(2, "p"), k.theirs)
			})
		})
	}
}

func TestStaleIsServedOnlyWhereTheStoreCouldNotBeAsked(t *testing.T) {
	for _, k := range []struct {
		kind failure.Kind
		want int
	}{
		{failure.Unreachable, 1}, {failure.TimedOut, 1}, {failure.Failing, 1}, {failure.Limited, 1},
		{failure.Unauthenticated, 0}, {failure.Denied, 0}, {failure.DomainUnknown, 0}, {failure.SecretAbsent, 0},
		{failure.VersionAbsent, 0},
		{failure.Deactivated, 0}, {failure.Deleted, 0}, {failure.Rejected, 0}, {failure.Untrusted, 0},
		{failure.Unreadable, 0}, {failure.NodeFull, 0},
	} {
		t.Run(string(k.kind), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &store{}
				c := cache.New(cache.Config{})
				wantVersion(t, c, s.staleOf(1, "p"), 1)
				s.fail = &okms.Error{Kind: k.kind}
				wantVersion(t, c, s.staleOf(1, "p"), k.want)
				wantVersion(t, c, s.staleOf(2, "p"), 0) // another credential has none
			})
		})
	}
}

func TestAStaleValueTellsItsAgeAndCauseAndEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		var ages []time.Duration
		c := cache.New(cache.Config{TTL: time.Second,
			Age: func(_ context.Context, age time.Duration) { ages = append(ages, age) }})
		wantVersion(t, c, s.staleOf(1, "p"), 1)
		s.fail = &okms.Error{Kind: failure.Failing, Status: 503}
		time.Sleep(time.Hour)
		v, err := c.Get(t.Context(), s.staleOf(1, "p"))
		if err != nil || v.Secret.Version != 1 || v.Age != time.Hour || v.Because.Status != 503 {
			t.Errorf("got %+v, %v", v, err)
		}
		if len(ages) != 1 || ages[0] != time.Hour {
			t.Errorf("the ages are %s", ages)
		}
		wantVersion(t, c, s.of(1, "p"), 0) // for who accepts none
		time.Sleep(time.Nanosecond)
		wantVersion(t, c, s.staleOf(1, "p"), 0)
	})
}

func TestWhoMayHaveAStaleValueDoesNotWaitLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		c := cache.New(cache.Config{Patience: 5 * time.Second})
		wantVersion(t, c, s.staleOf(1, "p"), 1)
		s.takes = time.Hour
		begin := time.Now()
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() { wantVersion(t, c, s.staleOf(1, "p"), 1) })
		}
		all.Wait()
		if took := time.Since(begin); took != 5*time.Second {
			t.Errorf("took %s", took)
		}
		if s.ended.Load() != 1 {
			t.Error("the read goes on")
		}
	})
}

// TestAReadOfAnImpatientCallerEndsForOthersToo: a caller that has only joined it reads again, with more time.
func TestAReadOfAnImpatientCallerEndsForOthersToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		c := cache.New(cache.Config{Patience: 5 * time.Second})
		wantVersion(t, c, s.staleOf(1, "p"), 1)
		s.takes = time.Hour
		begin := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 45*time.Second)
		defer cancel()
		var all sync.WaitGroup
		all.Go(func() {
			if v, err := c.Get(ctx, s.staleOf(1, "p")); err != nil || v.Secret.Version != 1 {
				t.Errorf("the impatient caller got %+v, %v", v, err)
			}
		})
		synctest.Wait()
		s.takes = time.Second // the value that is read again is not kept, and takes the place of the stale one
		all.Go(func() { wantVersion(t, c, s.of(1, "p"), 3) })
		all.Wait()
		if took := time.Since(begin); took != 6*time.Second {
			t.Errorf("took %s", took)
		}
	})
}

func TestTheLeastRecentlyUsedGoesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{length: 1000}
		c := cache.New(cache.Config{TTL: time.Hour, Bytes: 2*1000 + 2000})
		wantVersion(t, c, s.of(1, "a"), 1)
		wantVersion(t, c, s.of(1, "b"), 2)
		wantVersion(t, c, s.of(1, "a"), 1)
		wantVersion(t, c, s.of(1, "c"), 3) // takes the place of b
		wantVersion(t, c, s.of(1, "a"), 1)
		wantVersion(t, c, s.of(1, "c"), 3)
		wantVersion(t, c, s.of(1, "b"), 4)
		if n, bytes := c.Size(); n != 2 || bytes > 2*1000+2000 {
			t.Errorf("%d values, %d bytes", n, bytes)
		}
		s.length = 4000 // more than there is room for at all
		wantVersion(t, c, s.of(1, "huge"), 5)
		if n, _ := c.Size(); n != 2 {
			t.Errorf("a value without a place drove out others: %d left", n)
		}
	})
}

func TestSweepDropsWhatIsTooOldForAnyUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{length: 10}
		c := cache.New(cache.Config{TTL: time.Minute})
		wantVersion(t, c, s.of(1, "p"), 1)
		wantVersion(t, c, s.staleOf(1, "q"), 2)
		for _, step := range []struct {
			after time.Duration
			want  int
		}{{time.Minute, 2}, {time.Second, 1}, {time.Hour, 0}} {
			time.Sleep(step.after)
			c.Sweep()
			if n, _ := c.Size(); n != step.want {
				t.Errorf("after %s %d values are kept, want %d", step.after, n, step.want)
			}
		}
		if _, bytes := c.Size(); bytes != 0 {
			t.Errorf("%d bytes are left", bytes)
		}
	})
}

func TestAClockThatJumpsMakesNothingFresh(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	s := &store{}
	c := cache.New(cache.Config{TTL: time.Minute, Now: func() time.Time { return now }})
	wantVersion(t, c, s.staleOf(1, "p"), 1)
	now = now.Add(-30 * time.Second)
	wantVersion(t, c, s.staleOf(1, "p"), 2)
	s.fail = &okms.Error{Kind: failure.Unreachable}
	now = now.Add(24 * time.Hour)
	wantVersion(t, c, s.staleOf(1, "p"), 0)
	now = now.Add(-48 * time.Hour)
	wantVersion(t, c, s.staleOf(1, "p"), 0)
	c.Sweep()
	if n, _ := c.Size(); n != 0 {
		t.Errorf("%d values are kept", n)
	}
}
