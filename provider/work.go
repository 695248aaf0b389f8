package provider

import (
	"context"
	"runtime"

	"ovhcloud-csi-provider/provider/okms"
)

// work bounds how many mounts are read or written at once. To take a class or a
// secret apart takes many times its size in memory (256 KiB of YAML can become 20 MB
// of nodes), and it is done soon: two at once are fast enough for a node full of pods.
type work chan struct{}

func newWork() work { return make(work, min(2, runtime.GOMAXPROCS(0))) }

// begin waits for a place until ctx is done. If ok, the caller calls end, and defers
// that: a panic must not keep the place.
func (w work) begin(ctx context.Context) (end func(), ok bool) {
	select {
	case w <- struct{}{}:
		return func() { <-w }, true
	case <-ctx.Done():
		return nil, false
	}
}

// busy is the failure of a mount whose time ran out before there was a place.
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

// render is render in its turn.
func (p *Provider) render(ctx context.Context, pl plan, got map[okms.Ref]fetched) (Response, []Failure) {
	end, ok := p.work.begin(ctx)
	if !ok {
		return Response{}, []Failure{busy()}
	}
	defer end()
	return render(ctx, pl, got)
}
