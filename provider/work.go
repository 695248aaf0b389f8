package provider

import (
	"context"
	"runtime"
	"sync"

	"golang.org/x/sync/semaphore"

	"ovhcloud-csi-provider/provider/okms"
)

// maxAnswersHeld bounds the files of mounts that are made and not yet with their
// callers, in bytes. An answer is there twice while it is sent.
const maxAnswersHeld = 28 << 20

// work bounds what all mounts do at once where it takes memory. To take a class or a
// secret apart takes many times its size (256 KiB of YAML can become 20 MB of nodes),
// and it is done soon: two at once are fast enough for a node full of pods.
type work struct {
	places  chan struct{}
	answers *semaphore.Weighted // bytes
}

func newWork() work {
	return work{places: make(chan struct{}, min(2, runtime.GOMAXPROCS(0))), answers: semaphore.NewWeighted(maxAnswersHeld)}
}

// begin waits for a place until ctx is done. If ok, the caller calls end, and defers
// that: a panic must not keep the place.
func (w work) begin(ctx context.Context) (end func(), ok bool) {
	end = func() { <-w.places }
	select {
	case w.places <- struct{}{}:
		return end, true
	default: // a free place counts also for who has no time left
	}
	select {
	case w.places <- struct{}{}:
		return end, true
	case <-ctx.Done():
		return nil, false
	}
}

// busy is the failure of a mount whose time ran out before it was its turn.
func busy() Failure {
	return Failure{Kind: NodeFull, Object: WholeClass, Where: "objects", What: "this node has too many mounts at once", Advice: nodeFullAdvice}
}

// plan is makePlan in its turn.
func (p *Provider) plan(ctx context.Context, req Request) (plan, []Failure) {
	end, ok := p.work.begin(ctx)
	if !ok {
		return plan{}, []Failure{busy()}
	}
	defer end()
	return makePlan(req, p.endpoints, p.connections, p.now())
}

// render is render in its turn, into a response. First it waits for room for the
// largest answer, of which it keeps what this one takes until it is sent.
func (p *Provider) render(ctx context.Context, pl plan, got map[okms.Ref]fetched, into *Response) []Failure {
	room := int64(maxResponse)
	if !p.work.answers.TryAcquire(room) && p.work.answers.Acquire(ctx, room) != nil {
		return unread(pl, got)
	}
	defer func() { p.work.answers.Release(room) }()
	end, ok := p.work.begin(ctx)
	if !ok {
		return unread(pl, got)
	}
	defer end()
	made, size, failures := render(ctx, pl, got)
	if len(failures) > 0 {
		return failures
	}
	room -= int64(size)
	into.Files, into.Versions = made.Files, made.Versions
	into.Sent = sync.OnceFunc(func() { p.work.answers.Release(int64(size)) })
	return nil
}

// unread is why a mount fails that found no place for its files: the reads that
// failed, which is known without one, else that.
func unread(pl plan, got map[okms.Ref]fetched) []Failure {
	r := renderer{plan: pl, made: make([]made, len(pl.objects))}
	for i, o := range pl.objects {
		if f := got[o.ref()]; f.err != nil {
			r.unread(i, f)
		}
	}
	if len(r.failures) == 0 {
		return []Failure{busy()}
	}
	return r.all()
}
