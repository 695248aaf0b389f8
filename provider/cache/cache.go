// Package cache shares the reads of a node's mounts: equal reads under way are
// joined, and what was read is kept for a while, within a bound of bytes.
//
// Its rules are 1 to 6 of "The rules of reads" in DESIGN.md. It does not retry, and
// does not know how a secret is read.
package cache

import (
	"context"
	"crypto/sha256"
	"math"
	"sync"
	"time"

	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/place"
)

// defaultBytes is Config.Bytes where none are given.
const defaultBytes = 64 << 20

// Key says what is read, where, and by whom. A value that was read from a server which
// one CA bundle vouches for is not served to who trusts another one.
type Key struct {
	Credential [sha256.Size]byte
	Domain     place.Domain
	Ref        okms.Ref
}

// Outcome is how a read was served.
type Outcome string

// The outcomes of a read. A read that fails is a Miss or Joined.
const (
	Hit    Outcome = "hit"    // from memory, within the TTL
	Miss   Outcome = "miss"   // the store was asked, or is left alone at the moment
	Joined Outcome = "joined" // an equal read was under way
	Stale  Outcome = "stale"  // from memory, since the store could not be asked
)

// Config of a Cache. The zero value joins reads and keeps nothing.
type Config struct {
	// TTL is how long a value is served without asking for it again.
	TTL time.Duration
	// Bytes bounds the values that are kept. 0 means 64 MiB.
	Bytes int
	// Patience is how long a caller waits for the store if there is a stale value that it may
	// have. 0 means that it waits as long as others.
	Patience time.Duration
	// Observe is called once for each read; a stale one also counts as the Miss
	// or the Joined that failed. nil observes nothing.
	Observe func(context.Context, Outcome)
	// Now is the clock; nil is the system's.
	Now func() time.Time
}

// Cache is shared by all mounts. It starts no goroutine that outlives the calls
// of Get which need it.
type Cache struct {
	ttl      time.Duration
	patience time.Duration
	observe  func(context.Context, Outcome)
	now      func() time.Time

	mu      sync.Mutex
	store   store
	flights index[*flight] // that others may join
}

// New makes an empty cache.
func New(c Config) *Cache {
	if c.Bytes <= 0 {
		c.Bytes = defaultBytes
	}
	if c.Observe == nil {
		c.Observe = func(context.Context, Outcome) {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Patience <= 0 {
		c.Patience = math.MaxInt64
	}
	return &Cache{ttl: c.TTL, patience: c.Patience, observe: c.Observe, now: c.Now, store: newStore(c.Bytes), flights: newIndex[*flight]()}
}

// Read is one read that somebody wants.
type Read struct {
	Key Key
	// MaxStale is how old a value may be where the store cannot be asked. 0 means
	// none may.
	MaxStale time.Duration
	// Keep is how old the value may later be served by Stale, where that is more than
	// MaxStale: a caller with a fallback asks there first.
	Keep time.Duration
	// Elsewhere says that the caller has another store to ask.
	Elsewhere bool
	// Resting is why reads of this credential rest, nil if they do not. What is under
	// way during a rest is a probe, which may hang: a caller with a stale value or
	// another store does not join it. It must not call the cache. A nil Resting stands
	// for never.
	Resting func() *okms.Error
	// By is who reads, and Joined is told the By of each read that joins this one
	// while it is under way. A nil Joined is told nothing.
	By     any
	Joined func(by any)
	// Do asks the store. It must end soon after its context does.
	Do func(context.Context) (okms.Secret, *okms.Error)
}

// Value is what a read got.
type Value struct {
	Secret okms.Secret
	// Because is why the value is a stale one. nil says that it is not stale.
	Because *okms.Error
	// Age is how long ago a stale value was read. It is 0 for others.
	Age time.Duration
}

// Get gets a value for a caller that waits until ctx is done. The error is nil if there is
// one. A panic of r.Do becomes one of every caller, with a *Crash.
func (c *Cache) Get(ctx context.Context, r Read) (Value, *okms.Error) {
	for {
		l := c.look(ctx, r)
		if l.fresh {
			c.observe(ctx, Hit)
			return Value{Secret: l.secret}, nil
		}
		if l.joined {
			c.observe(ctx, Joined)
		} else {
			c.observe(ctx, Miss)
		}
		secret, err := c.wait(ctx, r, l)
		if err == nil {
			return Value{Secret: secret}, nil
		}
		if v, ok := c.stale(r, err); ok {
			c.observe(ctx, Stale)
			return v, nil
		}
		if l.flight == nil || !l.joined || !l.flight.endedEarlyFor(ctx, err) {
			return Value{}, err
		}
	}
}

// looked is what a caller found: a fresh value, or a flight to wait for, or why
// it does not wait for one.
type looked struct {
	fresh   bool
	secret  okms.Secret
	flight  *flight
	joined  bool
	resting *okms.Error
	stale   bool // there is something to be served if the flight takes long
}

func (c *Cache) wait(ctx context.Context, r Read, l looked) (okms.Secret, *okms.Error) {
	if l.resting != nil {
		return okms.Secret{}, l.resting
	}
	if l.joined && l.flight.told != nil {
		l.flight.told(r.By)
	}
	return c.await(ctx, l.flight, l.stale)
}

func (c *Cache) look(ctx context.Context, r Read) (l looked) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.store.entries.find(r.Key); e != nil {
		age := e.age(c.now())
		// Less than 0 is a clock that jumped: what is not known to be fresh is not.
		if age >= 0 && age < c.ttl {
			c.store.use(e)
			return looked{fresh: true, secret: e.secret}
		}
		l.stale = age >= 0 && age <= r.MaxStale
	}
	f := c.flights.find(r.Key)
	if f != nil && r.Resting != nil && (l.stale || r.Elsewhere) {
		if l.resting = r.Resting(); l.resting != nil {
			return l
		}
	}
	if l.joined = f != nil; !l.joined {
		f = c.takeOff(ctx, r, l.stale)
	}
	l.flight = f
	f.waiting++
	f.keep = max(f.keep, c.ttl, r.MaxStale, r.Keep)
	return l
}

// stale finds a value for a caller whose read failed.
func (c *Cache) stale(r Read, failed *okms.Error) (Value, bool) {
	if !failed.Kind.MayPass() {
		return Value{}, false
	}
	return c.Stale(r.Key, r.MaxStale, failed)
}

// Stale gives what is kept under a key if it is not older than maxStale, to a
// caller that knows why the store cannot be asked. The caller counts the read.
func (c *Cache) Stale(key Key, maxStale time.Duration, because *okms.Error) (Value, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.store.entries.find(key)
	if e == nil || maxStale <= 0 {
		return Value{}, false
	}
	age := e.age(c.now())
	if age < 0 || age > maxStale {
		return Value{}, false
	}
	c.store.use(e)
	return Value{Secret: e.secret, Because: because, Age: age}, true
}

// Sweep drops the values that are too old to be served in any way. The owner
// calls it now and then: nothing else does where nobody reads any more.
func (c *Cache) Sweep() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.store.sweep(c.now())
}

// Shrink drops the least recently used values until about so many bytes are freed, or
// nothing is kept any more. It returns how many bytes it freed.
func (c *Cache) Shrink(bytes int) (freed int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.store.shrink(bytes)
}

// Size is how many values are kept, and about how many bytes they take.
func (c *Cache) Size() (values, bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.store.recent.Len(), c.store.taken()
}

// Crash carries a panic from the goroutine of a read to those who wait for it,
// and they panic with it. Only the type of Value may be logged: it may hold
// anything.
type Crash struct {
	Value any
	Stack []byte
}
