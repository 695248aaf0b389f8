// SPDX-License-Identifier: Apache-2.0

package pace_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/pace"
	"ovhcloud-csi-provider/provider/place"
)

// spent is how many retries mounts with a credential make, each of one read that fails.
// A 404 closes the circuit breaker between them.
func spent(t *testing.T, p *pace.Pace, namespace string, credential byte, mounts int) (retries int) {
	t.Helper()
	do := func(read func(context.Context) (okms.Secret, *okms.Error)) {
		a := pace.Asker{Mount: pace.NewMount(namespace), Credential: [32]byte{credential}, Domain: place.Domain{ID: "d"}}
		_, _ = p.Do(t.Context(), a, read)
	}
	for range mounts {
		asked := 0
		do(func(context.Context) (okms.Secret, *okms.Error) {
			asked++
			return okms.Secret{}, &okms.Error{Kind: failure.Unreachable}
		})
		retries += asked - 1
		do(func(context.Context) (okms.Secret, *okms.Error) {
			return okms.Secret{}, &okms.Error{Kind: failure.SecretAbsent}
		})
	}
	return retries
}

// TestRetriesOfOneDoNotUseUpThoseOfOthers: of a domain's twenty a credential has ten and a
// namespace fifteen. The clock stands still, so none come back.
func TestRetriesOfOneDoNotUseUpThoseOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		p := pace.New(pace.Config{Now: func() time.Time { return now }})
		for _, step := range []struct {
			namespace  string
			credential byte
			want       int
		}{
			{"shop", 1, 10}, {"shop", 1, 0}, {"bank", 1, 0}, {"shop", 2, 5}, {"shop", 3, 0}, {"bank", 3, 5}, {"bank", 4, 0},
		} {
			if got := spent(t, p, step.namespace, step.credential, 10); got != step.want {
				t.Errorf("credential %d of %s made %d retries, want %d", step.credential, step.namespace, got, step.want)
			}
			p.Sweep() // forgets no budget that is spent
		}
		now = now.Add(4 * time.Second) // of the domain there are eight then
		if got := spent(t, p, "shop", 1, 10); got != 4 {
			t.Errorf("in four seconds a credential had %d retries", got)
		}
		if got := spent(t, p, "bank", 5, 10); got != 4 {
			t.Errorf("then another one had %d", got)
		}
		now = now.Add(time.Hour)
		p.Sweep()
		if got := spent(t, p, "shop", 1, 10); got != 10 {
			t.Errorf("in an hour a credential had %d retries", got)
		}
	})
}
