// SPDX-License-Identifier: Apache-2.0

// Package cache shares the reads of a node's mounts. Equal reads in progress are one read
// (single flight), and values are kept for a time (TTL), within a limit of bytes (LRU), and
// longer for outages (stale).
//
// It implements rules 1 to 6 of "The rules of reads" in DESIGN.md. It does not retry, and
// does not know how a secret is read.
package cache

import (
	"context"
	"crypto/sha256"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/place"
)

// defaultBytes is Config.Bytes where none are given.
const defaultBytes = 64 << 20

// overdue is how much longer than it lasts a value may be kept in the course of renewals:
// kubelet renews a volume every 60 to 90 s.
const overdue = 2 * time.Minute

// settled is the TTL up to which nodes do not read in step: the renewals of kubelet are as far apart.
const settled = 90 * time.Second

// Key is rule 1: what is read, from where, and by which credential. A value that was read
// from a server with one CA bundle is not served to a caller that trusts another one.
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
	Miss   Outcome = "miss"   // the store was asked, or the circuit breaker is open
	Joined Outcome = "joined" // an equal read was in progress
	Stale  Outcome = "stale"  // from memory, because the store could not be asked
)

// Config of a Cache. The zero value shares reads in progress and keeps nothing.
type Config struct {
	// TTL is how long a value is served without another read (rule 2). One of more than 90 seconds
	// is shortened at random for a value that was not read because the one before it was due.
	TTL time.Duration
	// Bytes limits the memory of the values that are kept. 0 means 64 MiB.
	Bytes int
	// Patience is how long a caller waits for the store if there is a stale value that it
	// may get. 0 means that it waits as long as other callers.
	Patience time.Duration
	// Observe is called once for each read. A stale read is also counted as the Miss or the
	// Joined that failed. nil is not called.
	Observe func(context.Context, Outcome)
	// Age is called for each read that is a Hit or Stale, with the age of the value. nil is not
	// called.
	Age func(context.Context, time.Duration)
	// Now is the clock; nil is the system's.
	Now func() time.Time
	// Jitter returns a random time from 0 to less than its argument; nil is the system's.
	Jitter func(time.Duration) time.Duration
}

// Cache is shared by all mounts. It starts no goroutine that outlives the calls of Get that
// need it.
type Cache struct {
	ttl      time.Duration
	patience time.Duration
	observe  func(context.Context, Outcome)
	aged     func(context.Context, time.Duration)
	now      func() time.Time
	jitter   func(time.Duration) time.Duration

	mu      sync.Mutex
	store   store
	flights index[*flight] // that others may join
}

// New returns an empty cache.
func New(c Config) *Cache {
	if c.Bytes <= 0 {
		c.Bytes = defaultBytes
	}
	if c.Observe == nil {
		c.Observe = func(context.Context, Outcome) {}
	}
	if c.Age == nil {
		c.Age = func(context.Context, time.Duration) {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Jitter == nil {
		c.Jitter = rand.N[time.Duration]
	}
	if c.Patience <= 0 {
		c.Patience = math.MaxInt64
	}
	return &Cache{ttl: c.TTL, patience: c.Patience, observe: c.Observe, aged: c.Age, now: c.Now, jitter: c.Jitter,
		store: newStore(c.Bytes), flights: newIndex[*flight]()}
}

// Read is one read that a caller wants.
type Read struct {
	Key Key
	// MaxAge is how old a value may be that is served without asking the store, if that is more
	// than the TTL. For a value that was not read in the course of renewals it is shortened at
	// random.
	MaxAge time.Duration
	// MaxStale is how old a value may be that is served if the store cannot be asked. 0
	// means that none is.
	MaxStale time.Duration
	// Keep is how old a value may be that is served later, as stale or with a MaxAge, if that
	// is more than both: a caller with a fallback asks there first.
	Keep time.Duration
	// Elsewhere says that the caller has another store to ask.
	Elsewhere bool
	// Resting returns the failure that reads of this credential get at once while the
	// circuit breaker is not closed, and nil otherwise. A read in progress is then the
	// trial of another mount, which may hang: a caller with a stale value or another store
	// does not join it. Resting must not call the cache. nil means never.
	Resting func() *okms.Error
	// By is who reads. Joined is called with the By of each read that joins this one while
	// it is in progress. A nil Joined is not called.
	By     any
	Joined func(by any)
	// Begin is called before Do, while the caller of Get is there for sure: Do may begin when that
	// caller has left and others wait. nil is not called.
	Begin func()
	// Do asks the store. It must end soon after its context does.
	Do func(context.Context) (okms.Secret, *okms.Error)
}

// Value is what a read got.
type Value struct {
	Secret okms.Secret
	// Because is why the value is stale. nil means that it is not stale.
	Because *okms.Error
	// Age is how long ago a stale value was read. It is 0 for others.
	Age time.Duration
}

// Get returns a value for a caller that waits until ctx ends. The error is nil if there is
// a value. If r.Do panics, every caller that waits for it panics with a *Crash.
func (c *Cache) Get(ctx context.Context, r Read) (Value, *okms.Error) {
	for {
		l := c.look(ctx, r)
		if l.fresh {
			c.observe(ctx, Hit)
			c.aged(ctx, l.age)
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
			c.aged(ctx, v.Age)
			return v, nil
		}
		if l.flight == nil || !l.joined || !l.flight.endedEarlyFor(ctx, err) {
			return Value{}, err
		}
	}
}

// looked is what a caller found: a fresh value, or a flight to wait for, or why it does not
// wait for one.
type looked struct {
	fresh   bool
	secret  okms.Secret
	age     time.Duration // of the secret
	flight  *flight
	joined  bool
	resting *okms.Error
	stale   bool // there is a stale value to serve if the flight takes long
}

func (c *Cache) wait(ctx context.Context, r Read, l looked) (okms.Secret, *okms.Error) {
	if l.resting != nil {
		return okms.Secret{}, l.resting
	}
	switch {
	case !l.joined:
		if r.Begin != nil {
			r.Begin()
		}
		go c.run(l.flight, r.Do)
	case l.flight.onJoin != nil:
		l.flight.onJoin(r.By)
	}
	return c.await(ctx, l.flight, l.stale)
}

func (c *Cache) look(ctx context.Context, r Read) (l looked) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var due time.Duration
	if e := c.store.entries.find(r.Key); e != nil {
		age := e.age(c.now())
		// An age below 0 means that the clock jumped back. Such a value is not fresh.
		lasts := c.lasts(e, r.MaxAge)
		if age >= 0 && age < lasts {
			c.store.use(e)
			return looked{fresh: true, secret: e.secret, age: age}
		}
		l.stale = age >= 0 && age <= r.MaxStale
		if age >= lasts && age < lasts+overdue {
			due = max(r.MaxAge, c.ttl)
		}
	}
	f := c.flights.find(r.Key)
	if f != nil && r.Resting != nil && (l.stale || r.Elsewhere) {
		if l.resting = r.Resting(); l.resting != nil {
			return l
		}
	}
	if f != nil && len(f.gone) > 0 {
		f = nil // it may be older than what the store said is gone
	}
	if l.joined = f != nil; !l.joined {
		f = c.begin(ctx, r, l.stale)
		f.due = due
	}
	l.flight = f
	f.waiting++
	f.keep = max(f.keep, c.kept(r))
	return l
}

// kept returns how old a value may become before it is dropped: as old as it may be served, and,
// if its interval may be shortened, so old that the next renewal still finds that it was due.
func (c *Cache) kept(r Read) time.Duration {
	interval := max(c.ttl, r.MaxAge, r.Keep)
	if interval > min(c.ttl, settled) {
		interval += overdue
	}
	return max(interval, r.MaxStale)
}

// lasts returns the age up to which a value is served without asking the store. Nodes read at
// the same moment when all their pods start, and when an outage ends, and would read in step
// from then on, once in each MaxAge, or in each TTL of minutes. So a value that was read at such
// a moment lasts for a random part of it. One that was read because the value before it was due
// lasts for all of it. c.mu is held.
func (c *Cache) lasts(e *entry, maxAge time.Duration) time.Duration {
	interval, least, due := maxAge, c.ttl, e.due > c.ttl
	if maxAge <= c.ttl {
		interval, least, due = c.ttl, min(c.ttl, settled), e.due > 0
	}
	if due || interval == least {
		return interval
	}
	if e.early == 0 {
		e.early = float64(1+c.jitter(drawn)) / drawn
	}
	return interval - time.Duration(e.early*float64(interval-least))
}

const drawn = 1 << 30 // of as many values early is one

// stale returns a value for a caller whose read failed (rule 5). ok is false if it may not
// have one.
func (c *Cache) stale(r Read, failed *okms.Error) (Value, bool) {
	if !failed.Kind.MayPass() {
		return Value{}, false
	}
	return c.Stale(r.Key, r.MaxStale, failed)
}

// Stale returns the value of a key if it is not older than maxStale, for a caller that
// knows why the store cannot be asked. The caller counts the read.
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

// Sweep drops the values that are too old to be served in any way. The owner calls it every
// few seconds, since values that are not read any more are not dropped otherwise.
func (c *Cache) Sweep() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.store.sweep(c.now())
}

// Shrink evicts the least recently used values until about so many bytes are freed, or none
// are left. It returns how many bytes it freed.
func (c *Cache) Shrink(bytes int) (freed int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.store.shrink(bytes)
}

// Size returns how many values are kept, and about how many bytes they take.
func (c *Cache) Size() (values, bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.store.recent.Len(), c.store.taken()
}

// Crash carries a panic from the goroutine of a read to the callers that wait for it, which
// panic with it. Only the type of Value may be logged: it may hold a secret.
type Crash struct {
	Value any
	Stack []byte
}
