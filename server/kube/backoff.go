// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// Backoff is the waits between failed requests: one to two seconds, then twice that and so on, up
// to Most, and never less than the API server asks for. They are random, so that the nodes of a
// cluster do not come back all at once. The zero value waits a second at most.
type Backoff struct {
	// Most is the longest wait.
	Most   time.Duration
	failed int
}

// Wait waits after a failure. It returns false if ctx ended before.
func (b *Backoff) Wait(ctx context.Context, err error) bool {
	wait := min(time.Second<<min(b.failed, 20), max(b.Most, time.Second))
	b.failed++
	wait = wait/2 + rand.N(wait/2+1)
	var refused *Refusal
	if errors.As(err, &refused) {
		wait = max(wait, refused.RetryAfter)
	}
	return Sleep(ctx, wait)
}

// Reset forgets the failures: the next wait is a short one.
func (b *Backoff) Reset() { b.failed = 0 }

// Sleep waits for d. It returns false if ctx ended before.
func Sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
