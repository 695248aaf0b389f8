// SPDX-License-Identifier: Apache-2.0

package read

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"ovhcloud-csi-provider/provider/budget"
	"ovhcloud-csi-provider/provider/cache"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/pace"
	"ovhcloud-csi-provider/provider/plan"
	"ovhcloud-csi-provider/provider/pool"
	"ovhcloud-csi-provider/provider/sensitive"
)

// Crash carries a panic from the goroutine of a read to that of its mount, which panics
// with it. Only the type of Value may be logged: it may hold a secret.
type Crash = cache.Crash

// maxHeld is how many bytes the secrets of one mount may take in memory. The driver takes
// 3.5 MiB of files from a mount, but an object may need only a little of a large secret,
// hence the margin.
const maxHeld = 16 << 20

// fetching is the reads of one mount in progress.
type fetching struct {
	account *budget.Account
	most    int64 // bytes of secrets
	cancel  context.CancelFunc

	mu      sync.Mutex
	got     Results
	crash   *Crash
	held    int64 // bytes of secrets and lists
	taken   int64 // of the account, held of them in use
	full    bool  // the node has no more memory for now
	tooMuch bool  // the mount may not have more memory
	busy    bool  // the mount got no turn to select secrets
	objects int   // that are counted in held
}

// fetch does the reads of a plan, each to its end, so that all failures are reported at once, and
// returns the plan with the objects that its objects stand for. The account holds the memory of
// the secrets. If the node has no memory for them, fetch drops all, waits for more memory than it
// had, and starts again: a mount that waits holds nothing that others wait for.
func (p *Reader) fetch(ctx context.Context, account *budget.Account, from byRoute,
	pl plan.Plan) (plan.Plan, Results, []failure.Failure) {
	var reserved int64
	most := min(maxHeld, p.budget.Most(budget.Holding))
	for {
		x, f := p.fetchOnce(ctx, account, reserved, most, from, pl)
		switch {
		case f.tooMuch:
			return x.result(), nil, []failure.Failure{{Kind: failure.TooLarge, Object: failure.WholeClass, Where: "objects",
				What: fmt.Sprintf("the secrets of this mount take more than %d bytes together; use several classes and "+
					"volumes", most)}}
		case f.busy:
			return x.result(), nil, []failure.Failure{failure.Busy()}
		case !f.full:
			return x.result(), f.got, x.failures
		}
		reserved = min(most, 2*max(reserved, f.held))
		if !account.Wait(ctx, budget.Holding, reserved) {
			return x.result(), nil, []failure.Failure{{Kind: failure.NodeFull, Object: failure.WholeClass, Where: "objects",
				What: "the mounts of this node read too many large secrets at once", Advice: failure.NodeFullAdvice}}
		}
	}
}

// fetchOnce does all reads, and stops if there is no memory for a secret. The account has
// reserved bytes for them, and they may take at most most bytes.
func (p *Reader) fetchOnce(ctx context.Context, account *budget.Account, reserved, most int64, from byRoute,
	pl plan.Plan) (*expansion, *fetching) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	x := newExpansion(pl)
	mount := pace.NewMount(account.Namespace())
	f := &fetching{account: account, cancel: cancel, most: most, taken: reserved, got: x.got}
	for {
		missing := f.round(ctx, x)
		if len(missing) == 0 || f.full || f.tooMuch || f.busy {
			return x, f
		}
		f.all(missing, func(one plan.Read) Result {
			ctx, end := p.begin(ctx, StepRead, one.Ref.Path)
			got := p.read(ctx, from[one.Route], x.request(one, mount))
			end(got.kind())
			return got
		})
	}
}

// round goes on with the expansion. To select secrets takes time of the processor, for which it
// is the turn of the mount then.
func (f *fetching) round(ctx context.Context, x *expansion) []plan.Read {
	if x.selects() {
		end, ok := f.account.Work(ctx, 0)
		if f.busy = !ok; f.busy {
			return nil
		}
		defer end(0)
	}
	missing := x.round()
	f.hold(int64(x.made-f.objects) * (perObject + perRead))
	f.objects = max(f.objects, x.made)
	return missing
}

// all does reads in parallel, each to its end. No goroutine hands reads to the others: on a busy node, each switch
// between goroutines is a wait behind all that can run.
func (f *fetching) all(reads []plan.Read, read func(plan.Read) Result) {
	var all sync.WaitGroup
	var next atomic.Int64
	several := func() {
		for i := next.Add(1); i <= int64(len(reads)); i = next.Add(1) {
			f.one(reads[i-1], read)
		}
	}
	for range min(len(reads), mostAtOnce) - 1 {
		all.Go(several)
	}
	several()
	all.Wait()
	if f.crash != nil {
		panic(f.crash)
	}
}

// one does one read and adds its outcome.
func (f *fetching) one(which plan.Read, read func(plan.Read) Result) {
	defer f.recovered()
	f.add(which, read(which))
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
func (f *fetching) add(which plan.Read, one Result) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.got[which] = one
	f.hold(int64(one.Secret.Data.Len()))
}

// hold takes memory. f.mu is held, or no read is in progress.
func (f *fetching) hold(n int64) {
	if !f.full && !f.tooMuch {
		f.held += n
		f.tooMuch = f.held > f.most
		f.full = !f.tooMuch && f.held > f.taken && !f.account.Take(budget.Holding, f.held-f.taken)
	}
	if !f.full && !f.tooMuch {
		f.taken = max(f.taken, f.held)
		return
	}
	f.cancel()
	for which, one := range f.got {
		one.Secret.Data = sensitive.Bytes{}
		f.got[which] = one
	}
	f.account.Give(budget.Holding, f.taken)
	f.taken = 0
}

// Read reads the secrets of a plan, side by side, for a mount that holds memory in an
// account. It returns the plan with the objects that its objects stand for: one for each secret
// or version that the store lists. Failures are those that are not about one read; those of reads
// are in the results.
func (p *Reader) Read(ctx context.Context, account *budget.Account,
	pl plan.Plan) (plan.Plan, Results, []failure.Failure) {
	from := byRoute{}
	defer from.close()
	err := from.open(p.pool, pl, account.Namespace(), p.maxStale)
	if errors.Is(err, pool.ErrFull) {
		full := failure.Busy()
		full.What = err.Error()
		return pl, nil, []failure.Failure{full}
	}
	if err != nil {
		return pl, nil,
			[]failure.Failure{{Kind: failure.Broken, Object: failure.WholeClass, Where: "parameters", What: err.Error()}}
	}
	return p.fetch(ctx, account, from, pl)
}
