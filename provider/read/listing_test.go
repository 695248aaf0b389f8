// SPDX-License-Identifier: Apache-2.0

package read

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/pool"
)

func TestACallerThatWaitsForAListEndsInItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := &listing{done: make(chan struct{})}
		s := source{Lease: &pool.Lease{}}
		l := &listings{byPath: map[listingKey]*listing{{path: "prod/db"}: hangs}}
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		if got := l.of(ctx, s, "prod/db"); got != (okms.Others{}) || ctx.Err() == nil {
			t.Errorf("got %v; the caller's context says %v", got, ctx.Err())
		}
		hangs.others = okms.Others{Listed: true, LatestActive: 3}
		close(hangs.done)
		if got := l.of(t.Context(), s, "prod/db"); got != hangs.others {
			t.Errorf("got %v of a list that came", got)
		}
	})
}
