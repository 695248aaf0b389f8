package cache_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ovhcloud-csi-provider/provider/cache"
	"ovhcloud-csi-provider/provider/okms"
)

func TestWhatWasBeingReadWhenTheCredentialWasRefusedIsNotKept(t *testing.T) {
	for name, c := range map[string]struct {
		refusal *okms.Error
		path    string
	}{
		"a 401 of another secret": {&okms.Error{Kind: okms.Unauthenticated}, "q"},
		"a 403 of the same":       {&okms.Error{Kind: okms.Denied}, "p"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				kept := cache.New(cache.Config{TTL: 30 * time.Second})
				slow := &store{takes: 2 * time.Second}
				refused := &store{takes: time.Second, fail: c.refusal}
				under := slow.of(1, "p")
				under.MaxStale = time.Hour
				other := refused.of(1, c.path)
				other.Key.Ref.Version = 7 // a read of its own
				var all sync.WaitGroup
				all.Go(func() { wantVersion(t, kept, under, 1) })
				all.Go(func() { wantVersion(t, kept, other, 0) })
				all.Wait()
				down := &store{fail: &okms.Error{Kind: okms.Unreachable}}
				later := down.of(1, "p")
				later.MaxStale = time.Hour
				wantVersion(t, kept, later, 0)
			})
		})
	}
}

func TestWhatNobodyWaitsForAnyMoreIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cache.New(cache.Config{TTL: time.Minute})
		s := &store{takes: time.Second}
		ends := make(chan struct{})
		slow := s.of(1, "p")
		slow.Do = func(context.Context) (okms.Secret, error) { // it has its answer, and is slow to hand it over
			<-ends
			return okms.Secret{Version: 99}, nil
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		left := make(chan struct{})
		go func() { _, _ = c.Get(ctx, slow); close(left) }()
		time.Sleep(2 * time.Second)
		wantVersion(t, c, s.of(1, "p"), 1)
		close(ends)
		<-left
		wantVersion(t, c, s.of(1, "p"), 1)
	})
}

func TestARefusalOfAPathDropsAllItsVersions(t *testing.T) {
	for _, kind := range []okms.Kind{okms.Denied, okms.SecretAbsent} {
		synctest.Test(t, func(t *testing.T) {
			c := cache.New(cache.Config{TTL: time.Second})
			good := &store{}
			pinned := good.of(1, "p")
			pinned.Key.Ref.Version, pinned.MaxStale = 1, time.Hour
			wantVersion(t, c, pinned, 1)
			refused := &store{fail: &okms.Error{Kind: kind}}
			wantVersion(t, c, refused.of(1, "p"), 0)
			down := &store{fail: &okms.Error{Kind: okms.Unreachable}}
			pinned.Do = down.read
			wantVersion(t, c, pinned, 0)
		})
	}
}

func TestBundlesCountAsBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cache.New(cache.Config{TTL: time.Hour, Bytes: 100 << 10})
		s := &store{}
		first := s.of(1, "p")
		first.Key.Domain.CABundle = strings.Repeat("a", 60<<10)
		second := s.of(1, "p")
		second.Key.Domain.CABundle = strings.Repeat("b", 60<<10)
		wantVersion(t, c, first, 1)
		wantVersion(t, c, second, 2)
		wantVersion(t, c, second, 2)
		wantVersion(t, c, first, 3) // had to go
	})
}
