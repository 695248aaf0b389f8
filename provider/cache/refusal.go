// SPDX-License-Identifier: Apache-2.0

package cache

import (
	"context"
	"slices"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
)

// settle keeps the value of a read that ended, or drops the values that its refusal speaks
// against (rule 4). c.mu is held.
func (c *Cache) settle(f *flight) {
	if f.err == nil {
		if !f.outdated && !slices.Contains(f.gone, f.secret.Version) {
			c.store.put(&entry{key: f.key, secret: f.secret, at: c.now(), keep: f.keep, due: f.due})
		}
		return
	}
	if !f.heard { // else what others have read since then would be dropped too
		c.drop(f.key, f.err)
	}
}

// Heard drops the values that a failed read speaks against before its Do returns, with the context
// that Do was called with: while Do asks the store for more to say, what was refused is not served
// and the read is not joined.
func (c *Cache) Heard(ctx context.Context, failed *okms.Error) {
	f := ctx.Value(flightKey{}).(*flight)
	c.mu.Lock()
	defer c.mu.Unlock()
	f.heard = true
	c.drop(f.key, failed)
}

// drop drops the values that a failed read of a key speaks against. c.mu is held.
func (c *Cache) drop(key Key, failed *okms.Error) {
	switch failed.Kind.Drops() {
	case failure.OfNothing:
	case failure.OfCredential: // by the token endpoint, which is one for all domains
		c.revoke(allOfCredential, key, anyVersion, 0)
	case failure.OfDomain:
		c.revoke(allOfDomain, key, anyVersion, 0)
	case failure.OfPath:
		if key.Ref.What != okms.Data && failed.Kind == failure.Denied {
			return // lists take a right of their own
		}
		c.revoke(allOfPath, key, anyVersion, 0)
	case failure.OfVersion:
		gone := failed.Version // 0 if the store does not say it
		if gone == 0 {
			gone = key.Ref.Version
		}
		c.revoke(allOfPath, key, goneVersion(key.Ref.Version, gone), gone)
	case failure.OfRequest:
		c.revoke(allOfPath, key, func(asked, _ int) bool { return asked == key.Ref.Version }, 0)
	}
}

// versions reports whether a refusal is about a value: asked is the version that was asked
// for, 0 for the latest, and came the one that the value has, 0 while it is being read.
type versions func(asked, came int) bool

func anyVersion(int, int) bool { return true }

// goneVersion returns which values a refusal of the version asked is about. gone is the
// version that is gone, 0 if that is not known: it may also have been read as the latest one.
func goneVersion(asked, gone int) versions {
	return func(a, came int) bool { return a == asked || a == gone || gone != 0 && a == 0 && came == gone }
}

// mostGone is how many versions a read of the latest one remembers as gone. With more it is not kept.
const mostGone = 8

// revoke drops the values within a scope of a key that match. Reads in progress that match
// are not kept and not joined any more: their answers may be older than the refusal. A read of
// the latest version is not joined any more if it may come as the one that is gone, and kept if it
// does not: who waits for it gets a newer value than the one that is kept from before. gone is 0
// for none. The CA bundle makes no difference, since the refusal is about the credential. c.mu is
// held.
func (c *Cache) revoke(s scope, of Key, match versions, gone int) {
	for _, e := range c.store.entries.within(s, of) {
		if match(e.key.Ref.Version, e.secret.Version) {
			c.store.drop(e)
		}
	}
	for _, f := range c.flights.within(s, of) {
		ref, mayBeGone := f.key.Ref, gone != 0 && f.key.Ref.Version == 0
		switch {
		case match(ref.Version, 0), mayBeGone && (ref.What != okms.Data || len(f.gone) == mostGone):
			f.outdated = true
			c.forget(f)
		case mayBeGone:
			f.gone = append(f.gone, gone)
		}
	}
}
