// SPDX-License-Identifier: Apache-2.0

// Package read gets the secrets of a plan: from the cache, from OKMS, from the fallback, or
// stale. The rules of reads (DESIGN.md) are here, in cache and in pace, and nowhere else.
package read

import (
	"context"
	"net"
	"time"

	"ovhcloud-csi-provider/provider/budget"
	"ovhcloud-csi-provider/provider/cache"
	"ovhcloud-csi-provider/provider/conns"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/pace"
	"ovhcloud-csi-provider/provider/pool"
)

// Config of a reader. The zero value works, and has no budget of its own.
type Config struct {
	// MaxReads is how many reads of one OKMS domain may be in progress at once, over all
	// mounts. 0 means 64.
	MaxReads int
	// CacheTTL is how long a secret that was read is served to other mounts with the same
	// credential. 0 keeps none.
	CacheTTL time.Duration
	// CacheBytes bounds the secrets that are kept. 0 means 64 MiB.
	CacheBytes int
	// MaxStale is how old a secret may be that is served while OKMS is unreachable or fails.
	// 0 serves none.
	MaxStale time.Duration
	// Budget is the memory that mounts share.
	Budget *budget.Budget
	// UserAgent is what OKMS is told this program is. Empty leaves Go's own.
	UserAgent string
	// Trace observes reads.
	Trace Trace
	// Now is the clock; nil is the system's.
	Now func() time.Time
	// Dial opens connections to OKMS and to token endpoints; nil is the system's dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Jitter returns a random time from 0 to less than its argument, for the waits before
	// retries and for how long values last for renewals; nil is the system's.
	Jitter func(time.Duration) time.Duration
}

// Trace is the functions that are called while secrets are read, in the shape of
// httptrace.ClientTrace. Any of them may be nil. They are called from many goroutines at once.
// A context is that of the read, which several mounts may share; it holds no value of a mount.
type Trace struct {
	// Call is called after each exchange with OKMS or with a token endpoint. The context of an
	// exchange for a token is that of no read.
	Call func(context.Context, okms.Call)
	// Read is called for each read of a secret with how it was served.
	Read func(context.Context, Outcome)
	// Age is called for each read of a secret that is served from memory, with the value's age.
	Age func(context.Context, time.Duration)
	// Begin is called when a step of a mount begins. path is that of the secret or folder, "" if the
	// step is no read. It returns the context of the step, and what is called at the step's end with
	// the kind of its failure, "" for none.
	Begin func(ctx context.Context, step Step, path string) (context.Context, func(failure.Kind))
	// Trial is called before a read that is the trial of a half-open circuit breaker.
	Trial func(context.Context)
	// Retry is called before each retry, with the kind of the failure that it follows.
	Retry func(context.Context, failure.Kind)
}

// Step is a part of a mount.
type Step string

// The steps of a mount.
const (
	StepPlan   Step = "plan"
	StepRead   Step = "read" // one for each secret and list
	StepRender Step = "render"
)

// untraced is Begin if there is none.
func untraced(ctx context.Context, _ Step, _ string) (context.Context, func(failure.Kind)) {
	return ctx, func(failure.Kind) {}
}

// Reader reads the secrets of mounts, any number at once. Of the goroutines that it starts
// one kind may outlive the mount that needed it: an OAuth2 client's exchange for its next
// token, which ends by itself, or with Close.
type Reader struct {
	pool        *pool.Pool
	cache       *cache.Cache
	pace        *pace.Pace
	budget      *budget.Budget
	known       *known
	maxStale    time.Duration
	observeRead func(context.Context, Outcome)       // never nil
	observeAge  func(context.Context, time.Duration) // never nil
	begin       func(context.Context, Step, string) (context.Context, func(failure.Kind))
}

// New makes a reader. The caller closes it after the last mount.
func New(c Config) *Reader {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Trace.Read == nil {
		c.Trace.Read = func(context.Context, Outcome) {}
	}
	if c.Trace.Begin == nil {
		c.Trace.Begin = untraced
	}
	if c.Trace.Age == nil {
		c.Trace.Age = func(context.Context, time.Duration) {}
	}
	limited := conns.New(c.Budget.Connections)
	limited.Dialer = c.Dial
	r := &Reader{
		pool: pool.New(okms.Options{UserAgent: c.UserAgent, Observe: c.Trace.Call, Conns: limited,
			Answers: okms.NewQuota(int(c.Budget.Answers), int(c.Budget.AnswerShare))}, c.Budget, c.Now),
		cache: cache.New(cache.Config{TTL: c.CacheTTL, Bytes: c.CacheBytes, Patience: pace.Patience,
			Observe: c.Trace.Read, Age: c.Trace.Age, Now: c.Now, Jitter: c.Jitter}),
		pace: pace.New(pace.Config{Reads: c.MaxReads, Total: c.Budget.Reads, Retried: c.Trace.Retry, Trial: c.Trace.Trial,
			Crowded: crowded(c.Budget), Now: c.Now, Jitter: c.Jitter}),
		budget:      c.Budget,
		known:       newKnown(),
		maxStale:    c.MaxStale,
		observeRead: c.Trace.Read,
		observeAge:  c.Trace.Age,
		begin:       c.Trace.Begin,
	}
	c.Budget.OnGrowth(r.giveWay)
	return r
}

// crowded returns whether mounts hold a sixteenth of the budget: 10 MiB with the chart's limit, which some
// 60 pods with ten secrets each hold at once. Clients are kept long after the mounts that used them.
func crowded(b *budget.Budget) func() bool {
	return func() bool { return b.Used()-b.UsedBy(budget.Clients) > b.Total/16 }
}

// Begin begins a step of a mount that is no read, as Trace.Begin does.
func (p *Reader) Begin(ctx context.Context, step Step) (context.Context, func(failure.Kind)) {
	return p.begin(ctx, step, "")
}

// giveWay shrinks the cache to what mounts leave free of the budget.
func (p *Reader) giveWay() {
	if _, kept := p.cache.Size(); int64(kept) > p.budget.Free() {
		p.cache.Shrink(kept - int(p.budget.Free()))
	}
}

// Sweep drops secrets, connections and memories that are not used any more. The owner calls
// it now and then.
func (p *Reader) Sweep() {
	p.cache.Sweep()
	p.pace.Sweep()
	p.pool.Sweep()
}

// Breakers returns how many circuit breakers of domains and credentials are open, and how many are
// half-open.
func (p *Reader) Breakers() (opened, halfOpened int) { return p.pace.Breakers() }

// Close closes the connections to OKMS, and ends exchanges for tokens.
func (p *Reader) Close() { p.pool.Close() }

// Outcome is how a read of a secret was served.
type Outcome = cache.Outcome

// Outcomes is every ReadOutcome.
func Outcomes() []Outcome {
	return []Outcome{cache.Hit, cache.Miss, cache.Joined, cache.Stale, ByFallback}
}
