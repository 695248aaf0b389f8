// SPDX-License-Identifier: Apache-2.0

package read

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// A store that hangs takes a part of the mount's time, so that something is left
// for the one that stands in.
func TestTheFirstStoreTakesAPartOfTheTime(t *testing.T) {
	for mount, want := range map[time.Duration]time.Duration{
		0: 5 * time.Second, 100 * time.Second: 5 * time.Second, 45 * time.Second: 5 * time.Second,
		6 * time.Second: 4500 * time.Millisecond, time.Second: 750 * time.Millisecond,
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx := t.Context()
			if mount > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, mount)
				defer cancel()
			}
			ctx, cancel := hurried(ctx)
			defer cancel()
			begin := time.Now()
			if <-ctx.Done(); time.Since(begin) != want {
				t.Errorf("of %s it takes %s, want %s", mount, time.Since(begin), want)
			}
		})
	}
}
