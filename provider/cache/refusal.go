package cache

import "ovhcloud-csi-provider/provider/failure"

// settle draws the conclusions of a read that ended. c.mu is held.
func (c *Cache) settle(f *flight) {
	if f.err == nil {
		if !f.outdated {
			c.store.put(&entry{key: f.key, secret: f.secret, at: c.now(), keep: f.keep})
		}
		return
	}
	switch f.err.Kind.Drops() {
	case failure.OfNothing:
	case failure.OfCredential: // by the token endpoint, which is one for all domains
		c.revoke(allOfCredential, f.key, anyVersion)
	case failure.OfDomain:
		c.revoke(allOfPlace, f.key, anyVersion)
	case failure.OfPath:
		c.revoke(allOfPath, f.key, anyVersion)
	case failure.OfVersion:
		c.revoke(allOfPath, f.key, goneVersion(f.key.Ref.Version, f.err.Version))
	case failure.OfRequest:
		c.revoke(allOfPath, f.key, func(asked, _ int) bool { return asked == f.key.Ref.Version })
	}
}

// A versions says of a value by the version that was asked for, 0 for the latest, and by
// the one that came, 0 for not yet, whether a refusal is about it.
type versions func(asked, came int) bool

func anyVersion(int, int) bool { return true }

// goneVersion is what a refusal of the version that was asked for is about. The store may
// have said which one is gone, 0 if not: it may also have been read as the latest one, or
// is being read as that.
func goneVersion(asked, gone int) versions {
	if gone == 0 {
		gone = asked
	}
	return func(a, came int) bool {
		return a == asked || a == gone || gone != 0 && a == 0 && (came == gone || came == 0)
	}
}

// revoke drops the values within a scope of a key that match. It has those not kept that
// are being read, and nobody joins them any more: their answers may be older than the
// refusal. Values that were read with another CA bundle are no different: the store
// has spoken of the credential. c.mu is held.
func (c *Cache) revoke(s scope, of Key, match versions) {
	for _, e := range c.store.entries.within(s, of) {
		if match(e.key.Ref.Version, e.secret.Version) {
			c.store.drop(e)
		}
	}
	for _, f := range c.flights.within(s, of) {
		if match(f.key.Ref.Version, 0) {
			f.outdated = true
			c.forget(f)
		}
	}
}
