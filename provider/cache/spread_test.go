// SPDX-License-Identifier: Apache-2.0

package cache_test

import (
	"testing"
	"testing/synctest"
	"time"

	"ovhcloud-csi-provider/provider/cache"
)

// TestOnlyDueValuesLastForTheWholeMaxAge follows the reads of a secret. The jitter is a third of its argument.
func TestOnlyDueValuesLastForTheWholeMaxAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		c := cache.New(cache.Config{TTL: 30 * time.Second,
			Jitter: func(most time.Duration) time.Duration { return most / 3 }})
		start, renewal := s.of(1, "p"), s.of(1, "p")
		renewal.MaxAge = 30 * time.Minute
		renewal.Keep = renewal.MaxAge
		for _, step := range []struct {
			what  string
			after time.Duration
			read  cache.Read
			want  int
		}{
			{"a pod starts", 0, start, 1},
			{"two thirds of the MaxAge are not over", 19*time.Minute + 59*time.Second, renewal, 1},
			{"they are", time.Second, renewal, 2},
			{"a value that was due lasts longer", 29*time.Minute + 59*time.Second, renewal, 2},
			{"for all of the MaxAge", time.Second, renewal, 3},
			{"a read that is late by less than two minutes", 31*time.Minute + 59*time.Second, renewal, 4},
			{"counts as due", 29 * time.Minute, renewal, 4},
			{"a read that is later, as after an outage", 3 * time.Minute, renewal, 5},
			{"lasts for two thirds", 20 * time.Minute, renewal, 6},
			{"a pod starts later", time.Minute, start, 7},
			{"as after its start", 20 * time.Minute, renewal, 8},
			{"the TTL is for all", 29 * time.Second, start, 8},
		} {
			time.Sleep(step.after)
			if got := version(t, c, step.read); got != step.want {
				t.Errorf("%s: got version %d, want %d", step.what, got, step.want)
			}
		}
		short := s.of(2, "p")
		short.MaxAge, short.Keep = 40*time.Second, time.Minute
		wantVersion(t, c, short, 9)
		time.Sleep(29 * time.Second)
		wantVersion(t, c, short, 9) // the TTL is longer than two thirds
	})
}
