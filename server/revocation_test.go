package server_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

// TestARefusalCountsForAllClassesOfACredential: two classes name one domain with one CA
// bundle, which they spell differently. What OKMS refuses to the one is not served to the
// other from memory.
func TestARefusalCountsForAllClassesOfACredential(t *testing.T) {
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
			now := &clock{}
			d := harness.Start(t, harness.Options{CacheTTL: 30 * time.Second, MaxStale: time.Hour, Now: now.now})
			hold(t, d.Store, "shop", 1)
			if err := d.Store.AddToken(token, emulator.Identity{Name: "shop"}); err != nil {
				t.Fatal(err)
			}
			bundle := string(d.Store.Server.CA)
			class := func(bundle string) harness.Mount {
				return harness.Mount{Objects: "- secretPath: shop/s0", Token: token, Attributes: map[string]string{"caBundle": bundle}}
			}
			spellings := []string{bundle, strings.TrimSpace(bundle), bundle + "\n \r\n", bundle + bundle, strings.ReplaceAll(bundle, "\n", "\r\n")}
			for _, spelling := range spellings {
				mustMount(t, d, class(spelling), "s0", `{"v":"shop 0"}`)
			}
			c.refuse(t, d.Store)
			now.advance(time.Minute)
			_, err := d.Do(t.Context(), class(spellings[1]))
			want(t, err, c.code)
			d.Store.Break(t, emulator.Fault{Status: 501}) // such as makes a stale value count
			for _, spelling := range spellings {
				_, err := d.Do(t.Context(), class(spelling))
				want(t, err, codes.Internal)
			}
		})
	}
}
