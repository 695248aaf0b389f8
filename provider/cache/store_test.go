// SPDX-License-Identifier: Apache-2.0

package cache_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ovhcloud-csi-provider/provider/cache"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/sensitive"
)

// fixed is a store that gives one secret.
type fixed struct{ secret okms.Secret }

func (f fixed) read(context.Context) (okms.Secret, *okms.Error) { return f.secret, nil }

func TestAStaleHitCountsAsUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{length: 1000}
		c := cache.New(cache.Config{Bytes: 2*1000 + 2000})
		wantVersion(t, c, s.staleOf(1, "a"), 1)
		wantVersion(t, c, s.staleOf(1, "b"), 2)
		down := &store{fail: &okms.Error{Kind: failure.Unreachable}}
		wantVersion(t, c, down.staleOf(1, "a"), 1)
		wantVersion(t, c, s.staleOf(1, "c"), 3) // takes the place of b
		wantVersion(t, c, down.staleOf(1, "a"), 1)
		wantVersion(t, c, down.staleOf(1, "b"), 0)
	})
}

func TestShrinkDropsTheLeastRecentlyUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{length: 1000}
		c := cache.New(cache.Config{TTL: time.Hour})
		for i, path := range []string{"a", "b", "c", "d"} {
			wantVersion(t, c, s.of(1, path), i+1)
		}
		wantVersion(t, c, s.of(1, "a"), 1)
		_, before := c.Size()
		freed := c.Shrink(2001) // that is b and c, since a value takes less than 2,000
		if n, after := c.Size(); n != 2 || before-after != freed || freed < 2001 || freed > 2*2000 {
			t.Errorf("%d values are left, %d bytes freed of %d, %d left", n, freed, before, after)
		}
		wantVersion(t, c, s.of(1, "a"), 1)
		wantVersion(t, c, s.of(1, "d"), 4)
		if freed := c.Shrink(0) + c.Shrink(-1); freed != 0 {
			t.Errorf("%d bytes were freed for nothing", freed)
		}
		_, rest := c.Size()
		if freed := c.Shrink(1 << 30); freed != rest {
			t.Errorf("%d bytes freed of %d", freed, rest)
		}
		if n, bytes := c.Size(); n != 0 || bytes != 0 {
			t.Errorf("%d values of %d bytes are left", n, bytes)
		}
		wantVersion(t, c, s.of(1, "a"), 5)
	})
}

// TestAValueCountsWithAllThatItTakes: the room behind a value, its texts, and an entry
// for each, also of a credential or a place of its own.
func TestAValueCountsWithAllThatItTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		size := func(change func(*cache.Read, *okms.Secret)) int {
			c := cache.New(cache.Config{TTL: time.Hour})
			secret := okms.Secret{Version: 1, Data: sensitive.New([]byte("{}"))}
			r := (&store{}).of(1, "p")
			change(&r, &secret)
			r.Do = fixed{secret}.read
			if _, err := c.Get(t.Context(), r); err != nil {
				t.Error(err)
			}
			_, bytes := c.Size()
			return bytes
		}
		base := size(func(*cache.Read, *okms.Secret) {})
		if base < 1200 {
			t.Errorf("a value that is alone counts %d bytes; it takes some 1,200", base)
		}
		for name, change := range map[string]func(*cache.Read, *okms.Secret){
			"room":     func(_ *cache.Read, s *okms.Secret) { s.Data = sensitive.New(make([]byte, 2, 5002)) },
			"path":     func(r *cache.Read, _ *okms.Secret) { r.Key.Ref.Path = strings.Repeat("p", 5001) },
			"bundle":   func(r *cache.Read, _ *okms.Secret) { r.Key.Domain.CABundle = strings.Repeat("p", 5000) },
			"endpoint": func(r *cache.Read, _ *okms.Secret) { r.Key.Domain.Endpoint = strings.Repeat("p", 5000) },
		} {
			if got := size(change); got != base+5000 {
				t.Errorf("with 5,000 bytes of %s it counts %d, without %d", name, got, base)
			}
		}
	})
}
