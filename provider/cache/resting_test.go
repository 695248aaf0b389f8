// SPDX-License-Identifier: Apache-2.0

package cache_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ovhcloud-csi-provider/provider/cache"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
)

// TestOnlyCallersWithoutAFallbackJoinATrial: while the circuit breaker is not closed, a read
// in progress is a trial, which may hang. A caller with another store does not join it.
func TestOnlyCallersWithoutAFallbackJoinATrial(t *testing.T) {
	resting := &okms.Error{Kind: failure.Unreachable, Text: "rests"}
	for name, c := range map[string]struct {
		elsewhere bool
		rest      *okms.Error
		want      string
		took      time.Duration
	}{
		"another store, a rest":   {true, resting, "error: rests; [miss miss]", 0},
		"another store, no rest":  {true, nil, "version 1; [miss joined]", time.Second},
		"no other store, a rest":  {false, resting, "version 1; [miss joined]", time.Second},
		"no other store, no rest": {false, nil, "version 1; [miss joined]", time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &store{takes: time.Second}
				var mu sync.Mutex
				var served []cache.Outcome
				cached := cache.New(cache.Config{Observe: func(_ context.Context, o cache.Outcome) {
					mu.Lock()
					defer mu.Unlock()
					served = append(served, o)
				}})
				var all sync.WaitGroup
				defer all.Wait()
				all.Go(func() { wantVersion(t, cached, s.of(1, "p"), 1) })
				synctest.Wait()
				r := s.of(1, "p")
				r.Elsewhere, r.Resting = c.elsewhere, func() *okms.Error { return c.rest }
				began := time.Now()
				v, err := cached.Get(t.Context(), r)
				got := fmt.Sprintf("version %d; %v", v.Secret.Version, served)
				if err != nil {
					got = fmt.Sprintf("error: %v; %v", err, served)
				}
				if took := time.Since(began); got != c.want || took != c.took {
					t.Errorf("%s after %s, want %s after %s", got, took, c.want, c.took)
				}
			})
		})
	}
}
