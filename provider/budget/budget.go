// Package budget divides the memory that the daemon may use among everything that a
// pod, a store or a neighbour can multiply, so that the sum is bounded and not only each
// part. If the process were killed for its memory, every mount in progress would end
// with a code after which a pod may start with an empty volume.
//
// It says how much there is of what, and keeps count. What is refused, and in which
// words, is the callers' matter.
package budget

import (
	"context"
	"runtime"
	"sync"

	"ovhcloud-csi-provider/provider/quota"
)

// The stages of a mount, in the order of its way. Each has a part of the budget of its
// own, so that mounts that began can end while others crowd in, and what one namespace
// holds in one stage takes nothing from the others' way through the next.
const (
	Unread  = iota // a request that gRPC has received and the daemon has not looked at
	Arrived        // a mount with its request, from then to its end
	Running        // its plan, its reads and their goroutines
	Holding        // secrets that were read
	Making         // a class or a secret while it is taken apart, and files until they are sent
	Clients        // clients of stores, also those that no mount uses
	stages
)

// Sizes is the budget of a process with a memory limit. All sizes are in bytes.
type Sizes struct {
	// Limit is the memory limit that the rest was made for, and Total what is divided:
	// five eighths of it. The others are left to garbage, stacks, the binary itself and
	// the probes that run beside it.
	Limit, Total int64
	// Parts is what each stage may use.
	Parts [stages]int64
	// Readers is how many large requests are read at once.
	Readers int
	// Reads is how many reads of all domains may be in progress at once, each with an
	// answer of AnswerShare. Answers is what larger ones may have together.
	Reads       int
	AnswerShare int64
	Answers     int64
	// Connections is how many connections to stores may be open.
	Connections int
	// Log is what log lines that are not yet written may take.
	Log int64
}

// What one of each takes at the most.
const (
	// MaxRequest bounds a request of the driver. It is there twice while it is read: as it
	// was sent, and as texts of JSON.
	MaxRequest = 2 << 20
	reader     = 2 * MaxRequest
	// UnreadRequest is a window of HTTP/2, and what gRPC and its goroutine need: no more of
	// a request is in memory before it is looked at.
	UnreadRequest = LargeRequest + 8<<10
	// LargeRequest is what is counted of a large request until all of it is read.
	LargeRequest = 64 << 10
	// A read has its goroutines, headers and buffers beside the answer.
	read = 48 << 10
	// A connection has the buffers of TLS, HTTP/1.1 or HTTP/2.
	connection = 48 << 10
)

// The limits that a budget is made for: the chart's, where none is known, and the
// bounds of what makes sense to divide.
const (
	DefaultLimit = 256 << 20
	leastLimit   = 64 << 20
	mostLimit    = 4 << 30
)

// For divides the memory of a process with a limit of so many bytes; 0 stands for
// DefaultLimit. A limit below 64 MiB is taken for 64 MiB.
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

// fixed is what is set aside beside the parts of the stages, whether it is used or not.
func (s Sizes) fixed() int64 {
	return int64(s.Readers)*reader + int64(s.Reads)*(s.AnswerShare+read) + s.Answers + int64(s.Connections)*connection + s.Log
}

// Sum is everything that may be used at once.
func (s Sizes) Sum() int64 {
	sum := s.fixed()
	for _, part := range s.Parts {
		sum += part
	}
	return sum
}

// Budget is the Sizes of a process and what is used of them.
type Budget struct {
	Sizes
	stages  [stages]*quota.Quota
	readers *quota.Quota
	places  *quota.Quota

	mu    sync.Mutex
	eases []func()
}

// New makes the budget of a process with a memory limit of so many bytes, as For does.
func New(limit int64) *Budget {
	b := &Budget{Sizes: For(limit)}
	for stage := range b.stages {
		b.stages[stage] = quota.New(b.Parts[stage], quota.Options{FirstFits: stage == Making, Grown: b.grown})
	}
	b.readers = quota.New(int64(b.Readers), quota.Options{FirstFits: true})
	b.places = quota.New(int64(max(4, 2*runtime.GOMAXPROCS(0))), quota.Options{FirstFits: true})
	return b
}

// OnGrowth has ease, too, called each time after mounts have taken something: who uses
// what mounts leave free must give way then. It may be called by many goroutines at once.
func (b *Budget) OnGrowth(ease func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.eases = append(b.eases, ease)
}

func (b *Budget) grown() {
	b.mu.Lock()
	eases := b.eases
	b.mu.Unlock()
	for _, ease := range eases {
		ease()
	}
}

// Free is what mounts leave free of their parts, in bytes, and Used what they hold.
func (b *Budget) Free() (free int64) {
	for _, stage := range b.stages {
		free += stage.Total() - stage.Used()
	}
	return free
}

// Used: see Free.
func (b *Budget) Used() (used int64) {
	for _, stage := range b.stages {
		used += stage.Used()
	}
	return used
}

// UsedBy is what mounts hold in a stage, in bytes.
func (b *Budget) UsedBy(stage int) int64 { return b.stages[stage].Used() }

// Most is the most that one mount can ever take in a stage at once, in bytes.
func (b *Budget) Most(stage int) int64 { return b.stages[stage].Most() }

// Unread is how many requests may be there that nobody has looked at.
func (b *Budget) Unread() int { return int(b.Parts[Unread] / UnreadRequest) }

// Admit takes what a request that nobody has looked at needs. If ok, release gives it
// back; it may be called again.
func (b *Budget) Admit() (release func(), ok bool) {
	if !b.stages[Unread].TakeAny(UnreadRequest) {
		return nil, false
	}
	return sync.OnceFunc(func() { b.stages[Unread].Give("", UnreadRequest) }), true
}

// Account is what one mount holds, by the stages in which it took it. Close it. The
// methods may be called by many goroutines at once.
type Account struct {
	budget *Budget
	who    string

	mu   sync.Mutex
	held [stages]int64
}

// Open makes the account of a mount in a namespace, which holds nothing yet.
func (b *Budget) Open(namespace string) *Account { return &Account{budget: b, who: namespace} }

// Namespace is whose account it is.
func (a *Account) Namespace() string { return a.who }

// Held is how many bytes the account holds of a stage; 0 for a nil Account.
func (a *Account) Held(stage int) int64 {
	if a == nil {
		return 0
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.held[stage]
}

// OfNamespace is what all accounts of the namespace hold of a stage, in bytes.
func (a *Account) OfNamespace(stage int) int64 { return a.budget.stages[stage].Held(a.who) }

// Take takes n bytes in a stage if that is possible at once.
func (a *Account) Take(stage int, n int64) (ok bool) {
	if ok = a.budget.stages[stage].Take(a.who, n); ok {
		a.add(stage, n)
	}
	return ok
}

// Wait takes n bytes in the turn of the mount's namespace. It says false when ctx is
// done first, or at once if a namespace can never have so many.
func (a *Account) Wait(ctx context.Context, stage int, n int64) (ok bool) {
	if ok = a.budget.stages[stage].Wait(ctx, a.who, n); ok {
		a.add(stage, n)
	}
	return ok
}

// Read waits for a place to read a large request, until ctx is done. If ok, the caller
// gives it back with done.
func (a *Account) Read(ctx context.Context) (done func(), ok bool) {
	if !a.budget.readers.Wait(ctx, a.who, 1) {
		return nil, false
	}
	return func() { a.budget.readers.Give(a.who, 1) }, true
}

// Work waits for a place among the mounts that take something apart, which is work for a
// processor and soon done, and for n bytes meanwhile. If ok, the caller calls end with
// how many of them the account keeps, and defers that: a panic must not keep the place.
// Only the first call counts.
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

// Give gives n of the bytes back that the account took in a stage.
func (a *Account) Give(stage int, n int64) {
	if n != 0 {
		a.add(stage, -n)
		a.budget.stages[stage].Give(a.who, n)
	}
}

// Move makes n of the bytes that the account took in a stage those of another account,
// of the same namespace.
func (a *Account) Move(stage int, n int64) *Account {
	a.add(stage, -n)
	moved := &Account{budget: a.budget, who: a.who}
	moved.held[stage] = n
	return moved
}

// Close gives everything back. It may be called again, and of a nil Account.
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

func (a *Account) add(stage int, n int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.held[stage] += n
}
