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
		start.Keep, renewal.Keep = renewal.MaxAge, renewal.MaxAge
		for _, step := range []struct {
			what  string
			after time.Duration
			read  cache.Read
			want  int
		}{
			{"a pod starts", 0, start, 1},
			{"two thirds of what is over the TTL are not over", 20*time.Minute + 9*time.Second, renewal, 1},
			{"they are", time.Second, renewal, 2},
			{"a value that was due lasts longer", 29*time.Minute + 59*time.Second, renewal, 2},
			{"for all of the MaxAge", time.Second, renewal, 3},
			{"a read that is late by less than two minutes", 31*time.Minute + 59*time.Second, renewal, 4},
			{"counts as due", 29 * time.Minute, renewal, 4},
			{"a read that is later, as after an outage", 3 * time.Minute, renewal, 5},
			{"lasts for two thirds", 20*time.Minute + 10*time.Second, renewal, 6},
			{"a pod starts later", time.Minute, start, 7},
			{"as after its start", 20*time.Minute + 10*time.Second, renewal, 8},
			{"the TTL is for all", 29 * time.Second, start, 8},
		} {
			time.Sleep(step.after)
			c.Sweep() // the owner calls it every few seconds
			if got := version(t, c, step.read); got != step.want {
				t.Errorf("%s: got version %d, want %d", step.what, got, step.want)
			}
		}
		short := s.of(2, "p")
		short.MaxAge, short.Keep = 40*time.Second, time.Minute
		wantVersion(t, c, short, 9)
		time.Sleep(36 * time.Second)
		wantVersion(t, c, short, 9) // two thirds of the ten seconds above the TTL
	})
}

// TestATTLOfMinutesIsShortenedAtFirst follows reads of a secret without a MaxAge.
func TestATTLOfMinutesIsShortenedAtFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		c := cache.New(cache.Config{TTL: 5 * time.Minute,
			Jitter: func(most time.Duration) time.Duration { return most / 3 }})
		r := s.of(1, "p")
		for _, step := range []struct {
			what  string
			after time.Duration
			want  int
		}{
			{"a pod starts", 0, 1},
			{"two thirds of what is over 90 s are not over", 3*time.Minute + 49*time.Second, 1},
			{"they are", time.Second, 2},
			{"a value that was due lasts longer", 4*time.Minute + 59*time.Second, 2},
			{"for all of the TTL", time.Second, 3},
			{"a read after an outage", 8 * time.Minute, 4},
			{"is shortened again", 3*time.Minute + 50*time.Second, 5},
		} {
			time.Sleep(step.after)
			c.Sweep() // the owner calls it every few seconds
			if got := version(t, c, r); got != step.want {
				t.Errorf("%s: got version %d, want %d", step.what, got, step.want)
			}
		}
		// A value that was due for the TTL is not due for a MaxAge: pods that start within two minutes would set all nodes
		// in step.
		r.MaxAge, r.Keep = time.Hour, time.Hour
		time.Sleep(5 * time.Minute)
		wantVersion(t, c, s.of(1, "p"), 6)
		time.Sleep(42 * time.Minute)
		wantVersion(t, c, r, 7)
	})
}
