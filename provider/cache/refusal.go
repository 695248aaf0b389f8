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
		c.revoke(allOfCredential, key, refusal{all: true})
	case failure.OfDomain:
		c.revoke(allOfDomain, key, refusal{all: true})
	case failure.OfPath:
		if key.Ref.What != okms.Data && failed.Kind == failure.Denied {
			return // lists take a right of their own
		}
		c.revoke(allOfPath, key, refusal{all: true})
	case failure.OfVersion:
		c.revoke(allOfPath, key, refusal{asked: key.Ref.Version, gone: [2]int{key.Ref.Version, failed.Version}})
	case failure.OfRequest:
		c.revoke(allOfPath, key, refusal{asked: key.Ref.Version})
	}
}

// refusal is what a failed read says about values within a scope.
type refusal struct {
	all   bool
	asked int    // the version that was asked for, 0 for the latest
	gone  [2]int // versions that are gone: the one that was asked for, and the one that the store names; 0 is none
}

// isGone reports whether a version is gone.
func (r refusal) isGone(version int) bool { return version != 0 && slices.Contains(r.gone[:], version) }

// ofVersion reports whether the refusal is about a version that is gone.
func (r refusal) ofVersion() bool { return r.gone != [2]int{} }

// against reports whether the refusal is about a value that came as a version, 0 while it is being read.
// A version that is gone may also have been read as the latest one, and lists name it.
func (r refusal) against(of okms.Ref, came int) bool {
	return r.all || of.Version == r.asked || r.isGone(of.Version) || r.ofVersion() && of.What != okms.Data ||
		of.Version == 0 && r.isGone(came)
}

// mostGone is how many versions a read of the latest one remembers as gone. With more it is not kept.
const mostGone = 8

// revoke drops the values within a scope of a key that a refusal is about. Reads in progress that it
// is about are not kept and not joined any more: their answers may be older than the refusal. A read
// of the latest version is not joined any more if it may come as one that is gone, and kept if it
// does not: who waits for it gets a newer value than the one that is kept from before. The CA bundle
// makes no difference, since the refusal is about the credential. c.mu is held.
func (c *Cache) revoke(s scope, of Key, r refusal) {
	for _, e := range c.store.entries.within(s, of) {
		if r.against(e.key.Ref, e.secret.Version) {
			c.store.drop(e)
		}
	}
	for _, f := range c.flights.within(s, of) {
		if r.against(f.key.Ref, 0) || r.ofVersion() && f.key.Ref.Version == 0 && !f.avoids(r.gone) {
			f.outdated = true
			c.forget(f)
		}
	}
}

// avoids notes versions that are gone, as which the read must not have come. It returns false if there
// are too many.
func (f *flight) avoids(gone [2]int) bool {
	for _, version := range gone {
		switch {
		case version == 0 || slices.Contains(f.gone, version):
		case len(f.gone) == mostGone:
			return false
		default:
			f.gone = append(f.gone, version)
		}
	}
	return true
}
