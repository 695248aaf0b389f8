package read

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	"ovhcloud-csi-provider/provider/budget"
	"ovhcloud-csi-provider/provider/cache"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/pace"
	"ovhcloud-csi-provider/provider/sensitive"
)

// Crash carries a panic from the goroutine of a read to that of its mount, which panics
// with it. Only the type of Value may be logged: it may hold a secret.
type Crash = cache.Crash

// maxHeld is how many bytes the secrets of one mount may take in memory. The driver takes
// 3.5 MiB of files from a mount, but an object may need only a little of a large secret,
// hence the margin.
const maxHeld = 16 << 20

// mostAtOnce is how many reads of one mount are in progress or wait for a place at once.
// Each takes some 30 kB, and a class may ask for a thousand.
const mostAtOnce = 32

// fetching is the reads of one mount in progress.
type fetching struct {
	account *budget.Account
	most    int64 // bytes of secrets
	cancel  context.CancelFunc

	mu      sync.Mutex
	got     Results
	crash   *Crash
	held    int64 // bytes of secrets
	taken   int64 // of the account, held of them in use
	full    bool  // the node has no more memory for now
	tooMuch bool  // the mount may not have more memory
}

// fetch does the reads of a plan in parallel, each to its end, so that all failures are
// reported at once. The account holds the memory of the secrets. If the node has no memory
// for them, fetch drops all, waits for more memory than it had, and starts again: a mount
// that waits holds nothing that others wait for.
func (p *Reader) fetch(ctx context.Context, account *budget.Account, s sources, refs []okms.Ref) (got Results, failures []failure.Failure) {
	var reserved int64
	most := min(maxHeld, p.budget.Most(budget.Holding))
	for {
		f := p.fetchOnce(ctx, account, reserved, most, s, refs)
		switch {
		case f.tooMuch:
			return f.got, []failure.Failure{{Kind: failure.TooLarge, Object: failure.WholeClass, Where: "objects",
				What: fmt.Sprintf("the secrets of this mount take more than %d bytes together; use several classes and volumes", most)}}
		case !f.full:
			return f.got, nil
		}
		reserved = min(most, 2*max(reserved, f.held))
		if !account.Wait(ctx, budget.Holding, reserved) {
			return f.got, []failure.Failure{{Kind: failure.NodeFull, Object: failure.WholeClass, Where: "objects",
				What: "the mounts of this node read too many large secrets at once", Advice: failure.NodeFullAdvice}}
		}
	}
}

// fetchOnce does all reads, and stops if there is no memory for a secret. The account has
// reserved bytes for them, and they may take at most most bytes.
func (p *Reader) fetchOnce(ctx context.Context, account *budget.Account, reserved, most int64, s sources, refs []okms.Ref) *fetching {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f := &fetching{account: account, cancel: cancel, most: most, taken: reserved, got: make(Results, len(refs))}
	var all sync.WaitGroup
	mount := pace.NewMount(s.namespace)
	next := make(chan okms.Ref)
	for range min(len(refs), mostAtOnce) {
		all.Go(func() {
			for ref := range next {
				f.read(ref, func() Result { return p.read(ctx, s, mount, ref) })
			}
		})
	}
	for _, ref := range refs {
		next <- ref
	}
	close(next)
	all.Wait()
	if f.crash != nil {
		panic(f.crash)
	}
	return f
}

// read does one read and adds its outcome.
func (f *fetching) read(ref okms.Ref, read func() Result) {
	defer f.recovered()
	f.add(ref, read())
}

// recovered keeps a panic for the goroutine of the mount.
func (f *fetching) recovered() {
	r := recover()
	if r == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var deeper bool
	if f.crash, deeper = r.(*Crash); !deeper {
		f.crash = &Crash{Value: r, Stack: debug.Stack()}
	}
}

// add adds the outcome of a read. If there is no memory for it, all outcomes are dropped
// and the other reads end.
func (f *fetching) add(ref okms.Ref, one Result) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.full && !f.tooMuch {
		f.held += int64(one.Secret.Data.Len())
		f.tooMuch = f.held > f.most
		f.full = !f.tooMuch && f.held > f.taken && !f.account.Take(budget.Holding, f.held-f.taken)
	}
	f.got[ref] = one
	if !f.full && !f.tooMuch {
		f.taken = max(f.taken, f.held)
		return
	}
	f.cancel()
	for ref, one := range f.got {
		one.Secret.Data = sensitive.Bytes{}
		f.got[ref] = one
	}
	f.account.Give(budget.Holding, f.taken)
	f.taken = 0
}
