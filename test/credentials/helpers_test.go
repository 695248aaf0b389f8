package credentials

import (
	"testing"
	"time"

	"ovhcloud-csi-provider/test/harness"
)

// lastUse is when the store was last asked by an identity.
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
