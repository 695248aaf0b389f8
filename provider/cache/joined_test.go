// SPDX-License-Identifier: Apache-2.0

package cache_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ovhcloud-csi-provider/provider/cache"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
)

// TestJoinsAreReported: a read gets the turns of all mounts that joined it.
func TestJoinsAreReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := &store{takes: time.Second}, cache.New(cache.Config{})
		var mu sync.Mutex
		told := map[string][]any{}
		var all sync.WaitGroup
		for i := range 3 {
			r := s.of(1, "p")
			r.By, r.Joined = i, func(by any) {
				mu.Lock()
				defer mu.Unlock()
				told[fmt.Sprint("read of ", i)] = append(told[fmt.Sprint("read of ", i)], by)
			}
			all.Go(func() { wantVersion(t, c, r, 1) })
			synctest.Wait()
		}
		all.Wait()
		if got := fmt.Sprint(told); got != "map[read of 0:[1 2]]" {
			t.Errorf("reported were %s", got)
		}
	})
}

// TestAValueCountsWithItsTexts: each text of its key may be long, and is kept.
func TestAValueCountsWithItsTexts(t *testing.T) {
	size := func(change func(r *cache.Read)) int {
		s, c := &store{}, cache.New(cache.Config{TTL: time.Hour})
		r := s.of(1, "p")
		if change != nil {
			change(&r)
		}
		wantVersion(t, c, r, 1)
		_, bytes := c.Size()
		return bytes
	}
	plain, long := size(nil), strings.Repeat("x", 1000)
	for name, change := range map[string]func(r *cache.Read){
		"endpoint": func(r *cache.Read) { r.Key.Domain.Endpoint += long },
		"okmsId":   func(r *cache.Read) { r.Key.Domain.ID += long },
		"caBundle": func(r *cache.Read) { r.Key.Domain.CABundle += long },
		"path":     func(r *cache.Read) { r.Key.Ref.Path += long },
	} {
		if more := size(change) - plain; more != len(long) {
			t.Errorf("1000 bytes more of %s count as %d", name, more)
		}
	}
}

// TestAnExpiredValueShortensNoRead: only a caller that may get a stale value stops waiting
// after the patience of the cache.
func TestAnExpiredValueShortensNoRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		var served []cache.Outcome
		c := cache.New(cache.Config{TTL: time.Second, Patience: 5 * time.Second,
			Observe: func(_ context.Context, o cache.Outcome) { served = append(served, o) }})
		r := s.of(1, "p")
		r.MaxStale, r.Keep = time.Hour, 3*time.Hour
		wantVersion(t, c, r, 1)
		s.takes = 10 * time.Second
		time.Sleep(time.Minute)
		wantVersion(t, c, r, 1) // the stale one
		time.Sleep(2 * time.Hour)
		wantVersion(t, c, r, 3)
		if got := fmt.Sprint(served); got != "[miss miss stale miss]" {
			t.Errorf("observed %s", got)
		}
	})
}

// TestAJoinedReadThatFailsIsNotRepeated: it is repeated only if it ran out of the time of
// the caller that began it, and only for a caller with more time.
func TestAJoinedReadThatFailsIsNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := &store{takes: time.Second, fail: &okms.Error{Kind: failure.Unreachable}}, cache.New(cache.Config{})
		short, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		var all sync.WaitGroup
		for _, ctx := range []context.Context{short, t.Context()} {
			all.Go(func() {
				if _, err := c.Get(ctx, s.of(1, "p")); err == nil {
					t.Error("got a value")
				}
			})
			synctest.Wait()
		}
		all.Wait()
		if n := s.reads.Load(); n != 1 {
			t.Errorf("%d reads", n)
		}
	})
}

// What Do needs of its caller must be taken before that leaves: with another caller that waits, Do begins after that.
func TestAReadBeginsWhileItsCallerIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cache.New(cache.Config{TTL: time.Minute})
		s := &store{takes: time.Second}
		begun := 0
		r := s.of(1, "p")
		r.Begin = func() { begun++ }
		r.Do = func(ctx context.Context) (okms.Secret, *okms.Error) {
			if begun == 0 {
				t.Error("it was not begun")
			}
			return s.read(ctx)
		}
		over, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := c.Get(over, r); err == nil || begun != 1 {
			t.Errorf("%v, begun %d times, by a caller whose time is over", err, begun)
		}
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() { wantVersion(t, c, r, 2) })
		}
		all.Wait()
		wantVersion(t, c, r, 2)
		if begun != 2 {
			t.Errorf("begun %d times, for one read and one that is left", begun)
		}
	})
}
