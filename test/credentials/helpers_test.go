// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"testing"
	"time"

	"ovhcloud-csi-provider/test/harness"
)

// lastUse returns when the store got the last request of an identity. It is zero if there
// was none.
func lastUse(s *harness.Store, identity string) (last time.Time) {
	for _, r := range s.Requests() {
		if r.Identity == identity {
			last = r.Arrived
		}
	}
	return last
}

// TestMain runs many of the tests at once: they wait more than they compute.
func TestMain(m *testing.M) { harness.Main(m) }
