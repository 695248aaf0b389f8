// SPDX-License-Identifier: Apache-2.0

// Package budget divides the daemon's memory among everything that a pod, a store or a
// neighbour can multiply, so that the sum is bounded and not only each part. If the kernel
// killed the process for its memory, every mount in progress would end with a code after
// which a pod may start with an empty volume.
//
// It defines the sizes and counts what is used. The callers refuse requests, and choose the
// messages.
package budget

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"ovhcloud-csi-provider/provider/quota"
)

// The stages of a mount, in order. Each has its own part of the budget, so that mounts in
// progress can finish while many others arrive, and what a namespace holds in one stage
// takes nothing from others in the next.
const (
	Unread  = iota // a request that gRPC has received and the daemon has not read
	Arrived        // a mount with its request, from then to its end
	Running        // its plan, its reads and their goroutines
	Holding        // secrets that were read
	Making         // a class or a secret while it is parsed, and files until they are sent
	Clients        // clients of stores, including idle ones
	stages
)

// Stages names the stages, in their order.
func Stages() []string {
	return []string{Unread: "unread_requests", Arrived: "mounts", Running: "plans", Holding: "secrets", Making: "files",
		Clients: "clients"}
}

// Sizes is the budget of a process with a memory limit. All sizes are in bytes.
type Sizes struct {
	// Limit is the memory limit of the process. Total is what is divided: five eighths of
	// Limit. The rest is for garbage, stacks, the binary and the probes, which run in
	// the same container.
	Limit, Total int64
	// Parts is what each stage may use.
	Parts [stages]int64
	// Readers is how many large requests are read at once.
	Readers int
	// Reads is how many reads of all domains may be in progress at once, each with an
	// answer of AnswerShare. Answers is for larger answers, together.
	Reads       int
	AnswerShare int64
	Answers     int64
	// Connections is how many connections to stores may be open.
	Connections int
	// Log is for log lines and audit records that are not written yet.
	Log int64
}

// The most that one of each takes, in bytes.
const (
	// MaxRequest is the limit of a request of the driver. While it is read, it is in memory
	// twice: as it was sent, and as JSON texts.
	MaxRequest = 2 << 20
	reader     = 2 * MaxRequest
	// UnreadRequest is an HTTP/2 window, and what gRPC and its goroutine need. No more of a
	// request is in memory before the daemon reads it.
	UnreadRequest = LargeRequest + 8<<10
	// LargeRequest is what is counted of a large request until all of it is read.
	LargeRequest = 64 << 10
	// read is for the goroutines, headers and buffers of a read, without its answer.
	read = 48 << 10
	// connection is for the buffers of TLS and of HTTP/1.1 or HTTP/2.
	connection = 48 << 10
)

// Memory limits in bytes: the default, which is the chart's, and the smallest and largest
// that are divided.
const (
	DefaultLimit = 256 << 20
	leastLimit   = 64 << 20
	mostLimit    = 4 << 30
)

// For returns the Sizes for a memory limit in bytes. A limit of 0 or less means
// DefaultLimit; other limits are clamped to the range from 64 MiB to 4 GiB.
func For(limit int64) Sizes {
	if limit <= 0 {
		limit = DefaultLimit
	}
	limit = min(max(limit, leastLimit), mostLimit)
	part := func(of int64) int64 { return of * (limit >> 20) / (DefaultLimit >> 20) }
	s := Sizes{
		Limit: limit, Total: limit / 8 * 5,
		Readers: 1, Reads: int(part(96)), AnswerShare: 64 << 10, Answers: part(6 << 20),
		Connections: int(part(160)), Log: part(2 << 20),
	}
	if limit >= DefaultLimit {
		s.Readers = 2
	}
	shared := s.Total - s.fixed()
	for stage, percent := range [stages]int64{Unread: 29, Arrived: 13, Running: 15, Holding: 26, Making: 11, Clients: 6} {
		s.Parts[stage] = shared * percent / 100
	}
	return s
}

// fixed returns what is reserved in addition to the parts of the stages, used or not.
func (s Sizes) fixed() int64 {
	return int64(s.Readers)*reader + int64(s.Reads)*(s.AnswerShare+read) + s.Answers +
		int64(s.Connections)*connection + s.Log
}

// Sum returns the number of bytes that may be in use at once.
func (s Sizes) Sum() int64 {
	sum := s.fixed()
	for _, part := range s.Parts {
		sum += part
	}
	return sum
}

// Budget holds the Sizes of a process and counts what is used.
type Budget struct {
	Sizes
	stages  [stages]*quota.Quota
	refused [stages]atomic.Int64
	readers *quota.Quota
	places  *quota.Quota

	mu    sync.Mutex
	eases []func()
}

// New returns the budget for a memory limit in bytes; see For.
func New(limit int64) *Budget {
	b := &Budget{Sizes: For(limit)}
	for stage := range b.stages {
		b.stages[stage] = quota.New(b.Parts[stage], quota.Options{FirstFits: stage == Making, Grown: b.grown})
	}
	b.readers = quota.New(int64(b.Readers), quota.Options{FirstFits: true})
	b.places = quota.New(int64(max(4, 2*runtime.GOMAXPROCS(0))), quota.Options{FirstFits: true})
	return b
}

// OnGrowth adds a function that is called each time after mounts took memory. Users of the
// memory that mounts leave free, such as a cache, release theirs in it. ease must be
// safe for concurrent use.
func (b *Budget) OnGrowth(ease func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.eases = append(b.eases, ease)
}

// grown calls the functions of OnGrowth.
func (b *Budget) grown() {
	b.mu.Lock()
	eases := b.eases
	b.mu.Unlock()
	for _, ease := range eases {
		ease()
	}
}

// Free returns the bytes of the stages' parts that mounts do not hold.
func (b *Budget) Free() (free int64) {
	for _, stage := range b.stages {
		free += stage.Total() - stage.Used()
	}
	return free
}

// Used returns the bytes that mounts hold.
func (b *Budget) Used() (used int64) {
	for _, stage := range b.stages {
		used += stage.Used()
	}
	return used
}

// Refused returns how often a stage had no room since the start: at once, or in the time
// of a mount that waited for it.
func (b *Budget) Refused(stage int) int64 { return b.refused[stage].Load() }

// UsedBy returns the bytes that mounts hold in a stage.
func (b *Budget) UsedBy(stage int) int64 { return b.stages[stage].Used() }

// Most returns the bytes that one mount can ever take in a stage at once.
func (b *Budget) Most(stage int) int64 { return b.stages[stage].Most() }

// Unread returns how many unread requests may be in memory.
func (b *Budget) Unread() int { return int(b.Parts[Unread] / UnreadRequest) }

// Admit takes the memory of an unread request. If ok, release gives it back; further calls
// of release do nothing. If not ok, release is nil.
func (b *Budget) Admit() (release func(), ok bool) {
	if !b.stages[Unread].TakeAny(UnreadRequest) {
		b.refused[Unread].Add(1)
		return nil, false
	}
	return sync.OnceFunc(func() { b.stages[Unread].Give("", UnreadRequest) }), true
}

// Account counts what one mount holds, by stage. The caller closes it. Its methods are
// safe for concurrent use.
type Account struct {
	budget *Budget
	who    string

	mu   sync.Mutex
	held [stages]int64
}

// Open returns an empty account for a mount in a namespace.
func (b *Budget) Open(namespace string) *Account { return &Account{budget: b, who: namespace} }

// Namespace returns the namespace of the account.
func (a *Account) Namespace() string { return a.who }

// Held returns the bytes that the account holds in a stage; 0 for a nil Account.
func (a *Account) Held(stage int) int64 {
	if a == nil {
		return 0
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.held[stage]
}

// OfNamespace returns the bytes that all accounts of the namespace hold in a stage.
func (a *Account) OfNamespace(stage int) int64 { return a.budget.stages[stage].Held(a.who) }

// Take takes n bytes in a stage without waiting. It returns false if they do not fit.
func (a *Account) Take(stage int, n int64) (ok bool) {
	if ok = a.budget.stages[stage].Take(a.who, n); ok {
		a.add(stage, n)
	} else {
		a.budget.refused[stage].Add(1)
	}
	return ok
}

// Wait takes n bytes when it is the turn of the mount's namespace. It returns false if ctx
// is done first, and at once if n exceeds Most.
func (a *Account) Wait(ctx context.Context, stage int, n int64) (ok bool) {
	if ok = a.budget.stages[stage].Wait(ctx, a.who, n); ok {
		a.add(stage, n)
	} else {
		a.budget.refused[stage].Add(1)
	}
	return ok
}

// Read waits for a place to read a large request. If ok, the caller calls done exactly
// once. It returns false if ctx is done first.
func (a *Account) Read(ctx context.Context) (done func(), ok bool) {
	if !a.budget.readers.Wait(ctx, a.who, 1) {
		return nil, false
	}
	return func() { a.budget.readers.Give(a.who, 1) }, true
}

// Work waits for n bytes of the stage Making and for a place among the mounts that parse or
// render, which is short and bound by the processor. If ok, the caller calls end with how
// many of the bytes the account keeps, and defers such a call: a panic must not keep the
// place. Only the first call counts. It returns false, and keeps nothing, if ctx is done
// first or n exceeds Most.
func (a *Account) Work(ctx context.Context, n int64) (end func(keep int64), ok bool) {
	if !a.Wait(ctx, Making, n) {
		return nil, false
	}
	if !a.budget.places.Wait(ctx, a.who, 1) {
		a.Give(Making, n)
		return nil, false
	}
	var once sync.Once
	return func(keep int64) {
		once.Do(func() {
			a.budget.places.Give(a.who, 1)
			a.Give(Making, n-min(keep, n))
		})
	}, true
}

// Give gives back n of the bytes that the account took in a stage, or all that it holds if
// that is less: after Close it does nothing.
func (a *Account) Give(stage int, n int64) {
	if n = a.drop(stage, n); n != 0 {
		a.budget.stages[stage].Give(a.who, n)
	}
}

// Move returns a new account of the same namespace, which holds n of the bytes that a took
// in a stage, or all that a holds if that is less. The caller closes it.
func (a *Account) Move(stage int, n int64) *Account {
	moved := &Account{budget: a.budget, who: a.who}
	moved.held[stage] = a.drop(stage, n)
	return moved
}

// drop no longer counts n bytes in a stage. It returns how many it counted. If an account gave
// back more than it took, others could take more than there is.
func (a *Account) drop(stage int, n int64) int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	n = min(n, a.held[stage])
	a.held[stage] -= n
	return n
}

// Close gives everything back. It may be called more than once, and on a nil Account.
func (a *Account) Close() {
	if a == nil {
		return
	}
	a.mu.Lock()
	held := a.held
	a.held = [stages]int64{}
	a.mu.Unlock()
	for stage, n := range held {
		if n != 0 {
			a.budget.stages[stage].Give(a.who, n)
		}
	}
}

// add counts n more bytes in a stage.
func (a *Account) add(stage int, n int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.held[stage] += n
}
