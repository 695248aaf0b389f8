// Package cache shares the reads of a node's mounts: equal reads under way are
// joined, and what was read is kept for a while, within a bound of bytes.
//
// Its rules are 1 to 7 of "The rules of shared reads" in DESIGN.md.
//
// It does not retry, and does not know how a secret is read.
package cache

import (
	"container/list"
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"time"

	"ovhcloud-csi-provider/provider/okms"
)

// Patience is how long a caller waits for the store if there is something else
// that it may have; half of its time if that is less.
const Patience = 5 * time.Second

// defaultBytes is Config.Bytes where none are given.
const defaultBytes = 64 << 20

// entryOverhead is about what a value costs in bytes beside its data and path:
// the entry, its place in the map and in the list.
const entryOverhead = 512

// Key says what is read, where, and by whom.
type Key struct {
	Credential [sha256.Size]byte
	Domain     okms.Domain
	Ref        okms.Ref
}

// Outcome is how a read was served.
type Outcome string

// The outcomes of a read. A read that fails is a Miss or Joined.
const (
	Hit    Outcome = "hit"    // from memory, within the TTL
	Miss   Outcome = "miss"   // the store was asked
	Joined Outcome = "joined" // an equal read was under way
	Stale  Outcome = "stale"  // from memory, since the store could not be asked
	// Fallback is from another store, for the same reason.
	Fallback Outcome = "fallback"
)

// Config of a Cache. The zero value joins reads and keeps nothing.
type Config struct {
	// TTL is how long a value is served without asking for it again.
	TTL time.Duration
	// Bytes bounds the values that are kept. 0 means 64 MiB.
	Bytes int
	// Observe is called once for each read; a stale one and a fallback also count as
	// the Miss or the Joined that failed. nil observes nothing.
	Observe func(Outcome)
	// Now is the clock; nil is the system's.
	Now func() time.Time
}

// Cache is shared by all mounts. It starts no goroutine that outlives the calls
// of Get which need it.
type Cache struct {
	ttl     time.Duration
	most    int
	observe func(Outcome)
	now     func() time.Time

	mu      sync.Mutex
	bytes   int
	entries map[Key]*list.Element // of *entry
	recent  *list.List            // of *entry, the most recently used first
	flights map[Key]*flight
}

type entry struct {
	key    Key
	secret okms.Secret
	at     time.Time     // when it was read
	keep   time.Duration // from then on
}

// New makes an empty cache.
func New(c Config) *Cache {
	if c.Bytes <= 0 {
		c.Bytes = defaultBytes
	}
	if c.Observe == nil {
		c.Observe = func(Outcome) {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Cache{ttl: c.TTL, most: c.Bytes, observe: c.Observe, now: c.Now,
		entries: map[Key]*list.Element{}, recent: list.New(), flights: map[Key]*flight{}}
}

// Read is one read that somebody wants.
type Read struct {
	Key Key
	// MaxStale is how old a value may be where the store cannot be asked. 0 means
	// none may.
	MaxStale time.Duration
	// Else asks another store, where this one could not be asked. It is for the
	// caller alone: others who joined the read need not be allowed to. nil if there
	// is none.
	Else func(ctx context.Context, because *okms.Error) (Value, error)
	// Resting is why the store is left alone but for somebody who probes it, and nil
	// if it is not. It must not call the cache. nil stands for never.
	Resting func() *okms.Error
	// By is who reads, and Joined is told the By of each read that joins this one
	// while it is under way. nil is told nothing.
	By     any
	Joined func(by any)
	// Do asks the store. It must end soon after its context does. Its errors have
	// an *okms.Error in their chain.
	Do func(context.Context) (okms.Secret, error)
}

// Value is what a read got.
type Value struct {
	Secret okms.Secret
	// Because is why the value is a stale one. nil says that it is not stale.
	Because *okms.Error
	// Age is how long ago a stale value was read. It is 0 for others.
	Age time.Duration
}

// Get gets a value for a caller that waits until ctx is done. Every error has an
// *okms.Error in its chain. A panic of r.Do becomes one of every caller, with a
// *Crash.
func (c *Cache) Get(ctx context.Context, r Read) (Value, error) {
	for {
		l := c.look(ctx, r)
		if l.fresh {
			c.observe(Hit)
			return Value{Secret: l.secret}, nil
		}
		if l.joined {
			c.observe(Joined)
			l.flight.tell(r.By)
		} else {
			c.observe(Miss)
		}
		var err error
		if l.resting != nil {
			err = l.resting
		} else if l.secret, err = c.await(ctx, l.flight, l.patience); err == nil {
			return Value{Secret: l.secret}, nil
		}
		if v, ok := c.instead(ctx, r, l.stale, err); ok {
			return v, nil
		}
		if l.flight == nil || !l.joined || !l.flight.endedEarlyFor(ctx, err) {
			return Value{}, err
		}
	}
}

// looked is what a caller found: a fresh value, or a flight to wait for, or the
// reason not to wait for it.
type looked struct {
	fresh    bool
	secret   okms.Secret
	flight   *flight
	joined   bool
	patience time.Duration // how long to wait for the flight; 0 is to its end
	resting  *okms.Error
	stale    bool // there is a value that may be served if need be
}

func (c *Cache) look(ctx context.Context, r Read) (l looked) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if place := c.entries[r.Key]; place != nil {
		e := place.Value.(*entry)
		age := c.now().Sub(e.at)
		// Less than 0 is a clock that jumped: what is not known to be fresh is not.
		if age >= 0 && age < c.ttl {
			c.recent.MoveToFront(place)
			return looked{fresh: true, secret: e.secret}
		}
		l.stale = age >= 0 && age <= r.MaxStale
	}
	if l.stale || r.Else != nil {
		l.patience = patience(ctx)
	}
	f := c.flights[r.Key]
	if l.joined = f != nil; !l.joined {
		f = c.takeOff(ctx, r, l.patience)
	} else if l.patience > 0 && r.Resting != nil {
		if l.resting = r.Resting(); l.resting != nil {
			return l
		}
	}
	f.waiting++
	f.keep = max(f.keep, c.ttl, r.MaxStale)
	l.flight = f
	return l
}

// patience is how long a caller waits that may have something else.
func patience(ctx context.Context) time.Duration {
	deadline, bounded := ctx.Deadline()
	if !bounded {
		return Patience
	}
	return max(1, min(Patience, time.Until(deadline)/2))
}

// instead finds something else for a caller whose read failed with err. stale
// says that there is a value besides what Else may have.
func (c *Cache) instead(ctx context.Context, r Read, stale bool, err error) (Value, bool) {
	var failed *okms.Error
	if !errors.As(err, &failed) || !failed.Kind.MayPass() {
		return Value{}, false
	}
	if r.Else != nil && ctx.Err() == nil {
		if v, err := r.elsewhere(ctx, stale, failed); err == nil {
			c.observe(Fallback)
			return v, true
		}
	}
	v, ok := c.stale(r, failed)
	if ok {
		c.observe(Stale)
	}
	return v, ok
}

// elsewhere asks Else, and leaves time to serve a stale value if there is one.
func (r Read) elsewhere(ctx context.Context, stale bool, because *okms.Error) (Value, error) {
	if stale {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience(ctx))
		defer cancel()
	}
	return r.Else(ctx, because)
}

// stale finds a value that may be served because of a failure.
func (c *Cache) stale(r Read, failed *okms.Error) (Value, bool) {
	if r.MaxStale <= 0 {
		return Value{}, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	place := c.entries[r.Key]
	if place == nil {
		return Value{}, false
	}
	e := place.Value.(*entry)
	age := c.now().Sub(e.at)
	if age < 0 || age > r.MaxStale {
		return Value{}, false
	}
	c.recent.MoveToFront(place)
	return Value{Secret: e.secret, Because: failed, Age: age}, true
}

// settle draws the conclusions of a read that ended. c.mu is held.
func (c *Cache) settle(f *flight) {
	if f.err == nil {
		if !f.outdated {
			c.put(&entry{key: f.key, secret: f.secret, at: c.now(), keep: f.keep})
		}
		return
	}
	var failed *okms.Error
	if !errors.As(f.err, &failed) {
		return
	}
	switch failed.Kind {
	case okms.Unauthenticated, okms.ClientRefused:
		c.revoke(f.key, func(k Key) bool { return true })
	case okms.Denied, okms.DomainUnknown, okms.SecretAbsent:
		c.revoke(f.key, func(k Key) bool { return k.Ref.Path == f.key.Ref.Path })
	case okms.VersionAbsent, okms.Deactivated, okms.Destroyed, okms.Rejected:
		c.drop(f.key)
	}
}

// revoke drops the values of a credential in a domain that match, and has those
// not kept that are being read: their answers may be older than the refusal.
func (c *Cache) revoke(of Key, match func(Key) bool) {
	same := func(k Key) bool { return k.Credential == of.Credential && k.Domain == of.Domain && match(k) }
	for k := range c.entries {
		if same(k) {
			c.drop(k)
		}
	}
	for k, f := range c.flights {
		if same(k) {
			f.outdated = true
		}
	}
}

func (c *Cache) put(e *entry) {
	c.drop(e.key)
	if e.keep <= 0 || e.size() > c.most {
		return
	}
	c.entries[e.key] = c.recent.PushFront(e)
	c.bytes += e.size()
	for c.bytes > c.most {
		c.drop(c.recent.Back().Value.(*entry).key)
	}
}

func (c *Cache) drop(key Key) {
	if place := c.entries[key]; place != nil {
		c.bytes -= place.Value.(*entry).size()
		c.recent.Remove(place)
		delete(c.entries, key)
	}
}

func (e *entry) size() int {
	return entryOverhead + len(e.key.Ref.Path) + len(e.key.Domain.CABundle) + e.secret.Data.Len()
}

// Sweep drops the values that are too old to be served in any way. The owner
// calls it now and then: nothing else does where nobody reads any more.
func (c *Cache) Sweep() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, place := range c.entries {
		e := place.Value.(*entry)
		if age := c.now().Sub(e.at); age < 0 || age > e.keep {
			c.drop(key)
		}
	}
	if len(c.entries) == 0 {
		c.entries = map[Key]*list.Element{} // a map never shrinks
	}
}

// Size is how many values are kept, and about how many bytes they take.
func (c *Cache) Size() (values, bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.entries), c.bytes
}

// Crash carries a panic from the goroutine of a read to those who wait for it,
// and they panic with it. Only the type of Value may be logged: it may hold
// anything.
type Crash struct {
	Value any
	Stack []byte
}
