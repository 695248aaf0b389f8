// SPDX-License-Identifier: Apache-2.0

package okms

import "sync/atomic"

// Quota limits the bytes that all holders have at once. A holder that stays within its
// share is never refused; only holders above their share compete for the rest. The total
// can therefore exceed the limit by the shares.
type Quota struct {
	most, share int64
	held        atomic.Int64
}

// NewQuota returns a Quota of most bytes, with a share in bytes for each holder.
func NewQuota(most, share int) *Quota { return &Quota{most: int64(most), share: int64(share)} }

// Take takes n bytes for a holder that already holds had bytes. It returns false, and takes
// nothing, if the limit and the share are exceeded. The holder returns the bytes with Give.
func (m *Quota) Take(had, n int) (ok bool) {
	if m.held.Add(int64(n)) <= m.most || int64(had+n) <= m.share {
		return true
	}
	m.Give(n)
	return false
}

// Give returns n bytes to the Quota.
func (m *Quota) Give(n int) { m.held.Add(-int64(n)) }

// Held returns how many bytes all holders have.
func (m *Quota) Held() int { return int(m.held.Load()) }
