// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"testing"
	"time"
)

func TestAMountEndsBeforeItsCallersDeadline(t *testing.T) {
	for _, c := range []struct {
		caller, ours    time.Duration
		atMost, atLeast time.Duration
	}{
		{2 * time.Minute, 45 * time.Second, 45 * time.Second, 44 * time.Second},
		{30 * time.Second, 45 * time.Second, 29 * time.Second, 28 * time.Second},
		{time.Second, 45 * time.Second, 800 * time.Millisecond, 0},
		{0, 45 * time.Second, 0, -time.Hour},
	} {
		outer, cancel := context.WithTimeout(t.Context(), c.caller)
		work, last := timeLeft(outer, c.ours)
		if last > c.atMost || work < c.atLeast || last > 0 && work >= last || last > c.ours || last > c.caller {
			t.Errorf("caller %s, ours %s: %s and %s", c.caller, c.ours, work, last)
		}
		cancel()
	}
}
