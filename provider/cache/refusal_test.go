// SPDX-License-Identifier: Apache-2.0

package cache_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ovhcloud-csi-provider/provider/cache"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
)

func TestWhatWasBeingReadWhenTheCredentialWasRefusedIsNotKept(t *testing.T) {
	for name, c := range map[string]struct {
		refusal *okms.Error
		path    string
	}{
		"a 401 of another secret": {&okms.Error{Kind: failure.Unauthenticated}, "q"},
		"a 403 of the same":       {&okms.Error{Kind: failure.Denied}, "p"},
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
				down := &store{fail: &okms.Error{Kind: failure.Unreachable}}
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
		slow.Do = func(context.Context) (okms.Secret, *okms.Error) { // it has its answer, and is slow to hand it over
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
	for _, kind := range []failure.Kind{failure.Denied, failure.SecretAbsent} {
		synctest.Test(t, func(t *testing.T) {
			c := cache.New(cache.Config{TTL: time.Second})
			good := &store{}
			pinned := good.of(1, "p")
			pinned.Key.Ref.Version, pinned.MaxStale = 1, time.Hour
			wantVersion(t, c, pinned, 1)
			refused := &store{fail: &okms.Error{Kind: kind}}
			wantVersion(t, c, refused.of(1, "p"), 0)
			down := &store{fail: &okms.Error{Kind: failure.Unreachable}}
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

// spelt is a read of a path in the domain "d", as a class spells its CA bundle.
func (s *store) spelt(bundle, path string, version int) cache.Read {
	r := s.staleOf(1, path)
	r.Key.Domain.CABundle, r.Key.Ref.Version = bundle, version
	return r
}

// spellings are of one bundle, and of none.
var spellings = []string{"", "PEM 1\nPEM 2\n", "PEM 1\nPEM 2", "PEM 2\nPEM 1\n", "PEM 1\nPEM 2\n \r\n"}

func TestARefusalCountsForAllSpellingsOfTheBundle(t *testing.T) {
	down := &store{fail: &okms.Error{Kind: failure.Unreachable}}
	for _, c := range []struct {
		kind          failure.Kind
		version       int // that is asked for
		same, another int // values left of the version, and of another path
	}{
		{failure.Unauthenticated, 0, 0, 0},
		{failure.ClientRefused, 0, 0, 0},
		{failure.Denied, 0, 0, 1},
		{failure.DomainUnknown, 0, 0, 1},
		{failure.SecretAbsent, 0, 0, 1},
		{failure.VersionAbsent, 7, 0, 1},
		{failure.Deactivated, 7, 0, 1},
		{failure.Deleted, 7, 0, 1},
		{failure.Rejected, 7, 0, 1},
	} {
		t.Run(string(c.kind), func(t *testing.T) {
			for _, refused := range spellings {
				synctest.Test(t, func(t *testing.T) {
					kept, good := cache.New(cache.Config{}), &store{}
					for _, bundle := range spellings {
						version(t, kept, good.spelt(bundle, "p", c.version))
						version(t, kept, good.spelt(bundle, "q", c.version))
					}
					bad := &store{fail: &okms.Error{Kind: c.kind}}
					wantVersion(t, kept, bad.spelt(refused, "p", c.version), 0)
					for _, bundle := range spellings {
						for path, want := range map[string]int{"p": c.same, "q": c.another} {
							if got := min(1, version(t, kept, down.spelt(bundle, path, c.version))); got != want {
								t.Errorf("refused with bundle %q: with %q %d values of %s are left, want %d", refused, bundle, got, path, want)
							}
						}
					}
				})
			}
		})
	}
}

func TestWhatIsReadWithAnotherBundleIsNotKeptAfterARefusal(t *testing.T) {
	for _, kind := range []failure.Kind{failure.Unauthenticated, failure.ClientRefused, failure.Denied,
		failure.DomainUnknown,
		failure.SecretAbsent, failure.VersionAbsent, failure.Deactivated, failure.Deleted, failure.Rejected} {
		t.Run(string(kind), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				kept := cache.New(cache.Config{TTL: time.Hour})
				slow, bad := &store{takes: 2 * time.Second}, &store{takes: time.Second, fail: &okms.Error{Kind: kind}}
				var all sync.WaitGroup
				all.Go(func() { wantVersion(t, kept, slow.spelt("a", "p", 0), 1) })
				all.Go(func() { wantVersion(t, kept, bad.spelt("b", "p", 0), 0) })
				all.Wait()
				down := &store{fail: &okms.Error{Kind: failure.Unreachable}}
				wantVersion(t, kept, down.spelt("a", "p", 0), 0)
			})
		})
	}
}

// TestWhoComesAfterARefusalDoesNotJoinAReadFromBefore: its answer may be older.
func TestWhoComesAfterARefusalDoesNotJoinAReadFromBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept := cache.New(cache.Config{})
		slow, bad := &store{takes: 3 * time.Second}, &store{fail: &okms.Error{Kind: failure.Unauthenticated}}
		var all sync.WaitGroup
		all.Go(func() { wantVersion(t, kept, slow.spelt("a", "p", 0), 1) })
		synctest.Wait()
		wantVersion(t, kept, bad.spelt("b", "q", 0), 0)
		wantVersion(t, kept, bad.spelt("a", "p", 0), 0)
		all.Wait()
	})
}

// TestAVersionThatIsGoneIsGoneAsTheLatestToo: one was read as the latest version, and is
// refused by its number; and the other way round.
func TestAVersionThatIsGoneIsGoneAsTheLatestToo(t *testing.T) {
	for _, kind := range []failure.Kind{failure.VersionAbsent, failure.Deactivated, failure.Deleted} {
		for refused, want := range map[int]int{1: 0, 2: 1} {
			synctest.Test(t, func(t *testing.T) {
				kept, good := cache.New(cache.Config{}), &store{}
				wantVersion(t, kept, good.spelt("", "p", 0), 1)
				bad := &store{fail: &okms.Error{Kind: kind}}
				wantVersion(t, kept, bad.spelt("", "p", refused), 0)
				down := &store{fail: &okms.Error{Kind: failure.Unreachable}}
				wantVersion(t, kept, down.spelt("", "p", 0), want)
			})
			synctest.Test(t, func(t *testing.T) {
				kept, good := cache.New(cache.Config{}), &store{}
				wantVersion(t, kept, good.spelt("", "p", 1), 1)
				bad := &store{fail: &okms.Error{Kind: kind, Version: refused}}
				wantVersion(t, kept, bad.spelt("", "p", 0), 0)
				down := &store{fail: &okms.Error{Kind: failure.Unreachable}}
				wantVersion(t, kept, down.spelt("", "p", 1), want)
			})
		}
	}
}

func TestATokenEndpointsRefusalCountsInAllPlaces(t *testing.T) {
	for kind, want := range map[failure.Kind]int{failure.ClientRefused: 0, failure.Unauthenticated: 1} {
		synctest.Test(t, func(t *testing.T) {
			kept, good := cache.New(cache.Config{}), &store{}
			elsewhere := good.spelt("", "p", 0)
			elsewhere.Key.Domain.ID = "elsewhere"
			wantVersion(t, kept, elsewhere, 1)
			bad := &store{fail: &okms.Error{Kind: kind}}
			wantVersion(t, kept, bad.spelt("", "p", 0), 0)
			down := &store{fail: &okms.Error{Kind: failure.Unreachable}}
			elsewhere.Do = down.read
			wantVersion(t, kept, elsewhere, want)
		})
	}
}

// A class may ask for the latest version and, optionally, for one that was deactivated. Both are read at once. The
// refusal of one must not keep the other out of the cache: it is needed in an outage, and a mount that got it must
// not be followed by one that gets the value from before.
func TestTheLatestIsKeptWhileOtherVersionsAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		gone []int // the versions that are refused while version 1 is read as the latest
		want int   // what is kept
	}{
		"another version":         {[]int{7}, 1},
		"another one often":       {[]int{7, 7, 7, 7, 7, 7, 7, 7, 7, 7}, 1},
		"several others":          {[]int{2, 3, 4, 5, 6, 7, 8, 9}, 1},
		"this version":            {[]int{1}, 0},
		"this one and another":    {[]int{7, 1, 8}, 0},
		"more than one remembers": {[]int{2, 3, 4, 5, 6, 7, 8, 9, 10}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				kept := cache.New(cache.Config{})
				slow := &store{takes: 2 * time.Second}
				bad := &store{takes: 1, fail: &okms.Error{Kind: failure.Deactivated}}
				var all sync.WaitGroup
				all.Go(func() { wantVersion(t, kept, slow.spelt("", "p", 0), 1) })
				for i, gone := range c.gone {
					all.Go(func() {
						time.Sleep(time.Duration(2 * i)) // else equal reads are one
						wantVersion(t, kept, bad.spelt("", "p", gone), 0)
					})
				}
				all.Wait()
				down := &store{fail: &okms.Error{Kind: failure.Unreachable}}
				wantVersion(t, kept, down.spelt("", "p", 0), c.want)
			})
		})
	}
}

// The store may name another version as gone than the one that was asked for. Neither is kept.
func TestTheRefusedVersionIsGoneAlsoIfTheStoreNamesAnother(t *testing.T) {
	for came, want := range map[int]int{5: 0, 6: 6, 7: 0} {
		synctest.Test(t, func(t *testing.T) {
			kept := cache.New(cache.Config{})
			slow := &store{takes: 2 * time.Second}
			slow.reads.Store(int64(came - 1))
			bad := &store{takes: time.Second, fail: &okms.Error{Kind: failure.Deactivated, Version: 5}}
			var all sync.WaitGroup
			all.Go(func() { wantVersion(t, kept, slow.spelt("", "p", 0), came) })
			all.Go(func() { wantVersion(t, kept, bad.spelt("", "p", 7), 0) })
			all.Wait()
			down := &store{fail: &okms.Error{Kind: failure.Unreachable}}
			wantVersion(t, kept, down.spelt("", "p", 0), want)
		})
	}
}

// A list of versions that is kept may say that a version is active which is refused now: who selects from it would
// fail until the list is too old.
func TestARefusedVersionSpeaksAgainstListsOfVersions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept := cache.New(cache.Config{TTL: time.Minute})
		lists := &store{}
		list := lists.spelt("", "p", 0)
		list.Key.Ref.What = okms.Versions
		list.Do = func(context.Context) (okms.Secret, *okms.Error) {
			lists.reads.Add(1)
			return okms.Secret{Path: "p"}, nil
		}
		_ = version(t, kept, list)
		bad := &store{fail: &okms.Error{Kind: failure.Deactivated}}
		wantVersion(t, kept, bad.spelt("", "p", 7), 0)
		_ = version(t, kept, list)
		if n := lists.reads.Load(); n != 2 {
			t.Errorf("the list was read %d times, want 2", n)
		}
	})
}

// Who comes after a refusal does not join the read of the latest, and may get a newer version before it ends.
func TestAnEarlierReadDoesNotReplaceALaterOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept, good := cache.New(cache.Config{}), &store{}
		wantVersion(t, kept, good.spelt("", "p", 0), 1)
		good.reads.Store(10)
		slow, bad := &store{takes: 2 * time.Second}, &store{takes: time.Second, fail: &okms.Error{Kind: failure.Deactivated}}
		slow.reads.Store(1)
		var all sync.WaitGroup
		all.Go(func() { wantVersion(t, kept, slow.spelt("", "p", 0), 2) })
		all.Go(func() {
			wantVersion(t, kept, bad.spelt("", "p", 7), 0)
			wantVersion(t, kept, good.spelt("", "p", 0), 11)
		})
		all.Wait()
		down := &store{fail: &okms.Error{Kind: failure.Unreachable}}
		wantVersion(t, kept, down.spelt("", "p", 0), 11)
	})
}

// A read that was refused may ask the store for more to say before it ends.
func TestWhatWasRefusedIsDroppedBeforeItsReadEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cache.New(cache.Config{TTL: time.Minute})
		s := &store{}
		wantVersion(t, c, s.of(1, "p"), 1)
		gone := s.of(1, "p")
		gone.Key.Ref.Version = 1
		gone.Do = func(ctx context.Context) (okms.Secret, *okms.Error) {
			failed := &okms.Error{Kind: failure.Deactivated, Version: 1}
			c.Heard(ctx, failed)
			time.Sleep(time.Second)
			return okms.Secret{}, failed
		}
		var all sync.WaitGroup
		all.Go(func() { wantVersion(t, c, gone, 0) })
		synctest.Wait()
		wantVersion(t, c, s.of(1, "p"), 2) // not the value that was read as the latest one
		again := s.of(1, "p")
		again.Key.Ref.Version = 1
		wantVersion(t, c, again, 3) // not the read that was refused
		all.Wait()
		wantVersion(t, c, again, 3) // which drops nothing a second time
	})
}

// TestARefusedListSpeaksAgainstValues: that the secret is absent is about all of it, but lists take a right of their
// own.
func TestARefusedListSpeaksAgainstValues(t *testing.T) {
	for kind, served := range map[failure.Kind]int{failure.Denied: 1, failure.SecretAbsent: 0} {
		synctest.Test(t, func(t *testing.T) {
			s := &store{}
			c := cache.New(cache.Config{})
			wantVersion(t, c, s.staleOf(1, "p"), 1)
			list := s.of(1, "p")
			list.Key.Ref.What = okms.Versions
			s.fail = &okms.Error{Kind: kind}
			wantVersion(t, c, list, 0)
			s.fail = &okms.Error{Kind: failure.Unreachable}
			wantVersion(t, c, s.staleOf(1, "p"), served)
		})
	}
}
