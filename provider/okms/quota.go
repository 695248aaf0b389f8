package okms

import "sync/atomic"

// Quota bounds the bytes that many holders have at once. What one holder has
// below its share it always gets, so that who holds much is refused and not who
// comes last.
type Quota struct {
	most, share int64
	held        atomic.Int64
}

// NewQuota makes a Quota of most bytes, of which share are for each holder
// whatever the others have.
func NewQuota(most, share int) *Quota { return &Quota{most: int64(most), share: int64(share)} }

// Take notes that a holder, who had so many bytes, has n more. It says false, and
// notes nothing, if that is too much. The holder gives back what it took when it
// lets go of it.
func (m *Quota) Take(had, n int) (ok bool) {
	if m.held.Add(int64(n)) <= m.most || int64(had+n) <= m.share {
		return true
	}
	m.Give(n)
	return false
}

// Give notes that a holder has let go of n bytes.
func (m *Quota) Give(n int) { m.held.Add(-int64(n)) }

// Held is how many bytes all holders have.
func (m *Quota) Held() int { return int(m.held.Load()) }
