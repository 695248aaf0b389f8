// SPDX-License-Identifier: Apache-2.0

package place

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ovhcloud-csi-provider/test/pki"
)

func TestTheWorkOfAHandshakeIsBoundedByTheAuthorities(t *testing.T) {
	times := func(n int, one func() string) (all string) {
		for range n {
			all += one()
		}
		return all
	}
	small := func() string { cert, _ := pki.Pair(t, time.Now(), time.Now()); return cert }
	large := func() string { return pki.RSA(t, "c", 8192) }
	tooMany := func(number, others int) string {
		return fmt.Sprintf("PEM block %d has the same subject as %d others; at most 8 certificates, with RSA keys of "+
			"16384 bits together, may share one; remove those that are no longer in use", number, others)
	}
	for _, c := range []struct{ name, bundle, want string }{
		{"the longest key", large(), ""},
		{"a longer key", pki.RSA(t, "c", 8193), "PEM block 1 has an RSA key of 8193 bits; at most 8192 are supported"},
		{"a key of a second", pki.RSA(t, "c", 300_000),
			"PEM block 1 has an RSA key of 300000 bits; at most 8192 are supported"},
		{"many small ones", times(8, small), ""},
		{"too many small ones", times(9, small), tooMany(9, 8)},
		{"two large ones", times(2, large), ""},
		{"three large ones", times(3, large), tooMany(3, 2)},
		{"one bit too many", times(2, large) + pki.RSA(t, "b", 2048) + pki.RSA(t, "c", 1), tooMany(4, 2)},
		{"large ones after small ones", times(6, small) + times(2, large), ""},
		{"one many times", strings.Repeat(large(), 10), ""},
		{"other subjects", times(8, small) + pki.RSA(t, "b", 8192) + pki.RSA(t, "b", 8192) + pki.RSA(t, "d", 8192), ""},
	} {
		_, err := parseCABundle(c.bundle, MaxBundleOfMount)
		if (err == nil) != (c.want == "") || err != nil && err.Error() != c.want {
			t.Errorf("%s: got  %v\nwant %s", c.name, err, c.want)
		}
	}
	if _, err := parseCABundle(times(20, large), MaxBundleOfConnection); err != nil {
		t.Errorf("the bundle of a connection: %v", err)
	}
}
