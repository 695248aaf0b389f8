// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

func TestARevokedTokenGetsNoCachedValue(t *testing.T) {
	t.Parallel()
	now := &harness.Clock{}
	d := harness.Start(t, harness.Options{CacheTTL: 30 * time.Second, MaxStale: time.Hour, Now: now.Now})
	d.Store.HoldMany(t, "shop", 2)
	one, other := harness.Mount{Objects: "- secretPath: shop/s0"}, harness.Mount{Objects: "- secretPath: shop/s1"}
	d.MustMount(t, one, "s0", `{"v":"shop 0"}`)
	now.Advance(20 * time.Second)
	d.MustMount(t, other, "s1", `{"v":"shop 1"}`)
	d.Store.RevokeToken(harness.Token)
	now.Advance(10 * time.Second)
	_, err := d.Do(t.Context(), one) // its TTL is over
	harness.WantError(t, err, codes.Unauthenticated)
	_, err = d.Do(t.Context(), other) // its TTL is not over, but OKMS has answered 401
	harness.WantError(t, err, codes.Unauthenticated)
	d.Store.Break(t, emulator.Fault{Status: 501})
	_, err = d.Do(t.Context(), one) // no stale value is left
	harness.WantError(t, err, codes.Internal)
}

// Two classes have the same domain and the same CA bundle, spelt differently. After OKMS has
// refused a secret to one class, it is not served to the other from memory.
func TestARefusalDropsTheValuesOfAllClassesOfACredential(t *testing.T) {
	t.Parallel()
	const token = "eyJhbGciOiJFZERTQSJ9.held.revoked-later"
	for name, c := range map[string]struct {
		refuse func(*testing.T, *harness.Store)
		code   codes.Code
	}{
		"401": {func(_ *testing.T, s *harness.Store) { s.RevokeToken(token) }, codes.Unauthenticated},
		"404": {func(t *testing.T, s *harness.Store) {
			if err := s.Delete("shop/s0"); err != nil {
				t.Fatal(err)
			}
		}, codes.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := &harness.Clock{}
			d := harness.Start(t, harness.Options{CacheTTL: 30 * time.Second, MaxStale: time.Hour, Now: now.Now})
			d.Store.HoldMany(t, "shop", 1)
			if err := d.Store.AddToken(token, emulator.Identity{Name: "shop"}); err != nil {
				t.Fatal(err)
			}
			bundle := string(d.Store.Server.CA)
			class := func(bundle string) harness.Mount {
				return harness.Mount{Objects: "- secretPath: shop/s0", Token: token,
					Attributes: map[string]string{"caBundle": bundle}}
			}
			spellings := []string{bundle, strings.TrimSpace(bundle), bundle + "\n \r\n", bundle + bundle,
				strings.ReplaceAll(bundle, "\n", "\r\n")}
			for _, spelling := range spellings {
				d.MustMount(t, class(spelling), "s0", `{"v":"shop 0"}`)
			}
			c.refuse(t, d.Store)
			now.Advance(time.Minute)
			_, err := d.Do(t.Context(), class(spellings[1]))
			harness.WantError(t, err, c.code)
			d.Store.Break(t, emulator.Fault{Status: 501}) // a stale value could be served
			for _, spelling := range spellings {
				_, err := d.Do(t.Context(), class(spelling))
				harness.WantError(t, err, codes.Internal)
			}
		})
	}
}
