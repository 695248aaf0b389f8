package provider

import (
	"context"
	"fmt"
	"time"

	"ovhcloud-csi-provider/provider/cache"
	"ovhcloud-csi-provider/provider/connections"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/pace"
)

// Fallback is the ReadOutcome of a secret that a connection's fallback gave. It
// counts beside what both connections' reads came to.
const Fallback = ReadOutcome("fallback")

// fallback is the connection that stands in for a mount's own.
type fallback struct {
	origin
	grant connections.Grant // to the mount's pod
}

// fallbackOf is what stands in for a connection in the mounts of a pod: nil if
// nothing does, or cannot at the moment, and then why; that is for the log alone.
// Whatever is wrong with it is no reason to refuse the mount. Its own fallback is
// not followed.
func fallbackOf(first origin, connections *connections.Set, pod Pod) (f *fallback, why string) {
	name := first.via.Fallback()
	if name == "" {
		return nil, ""
	}
	second := connections.Find(name)
	if second == nil {
		return nil, fmt.Sprintf("the fallback %q is no connection", name)
	}
	credential, err := second.Credential()
	if err != nil {
		return nil, fmt.Sprintf("the fallback %q has no usable credential: %v", name, err)
	}
	f = &fallback{origin: originOf(second, credential), grant: second.Grant(pod.Namespace, pod.ServiceAccount)}
	// The file may not say so, but an old place of one may still be in use.
	same := f.domain.Endpoint == first.domain.Endpoint && f.domain.ID == first.domain.ID
	switch {
	case !f.grant.Any():
		return nil, fmt.Sprintf("no rule of the fallback %q matches the namespace and service account", name)
	case same:
		return nil, fmt.Sprintf("the fallback %q is of the same domain at the moment", name)
	}
	return f, ""
}

// withoutFallback is why the fallback of the plan's connection is not asked for a
// secret; "" if it is, or if there is none. It is for the log alone.
func (p plan) withoutFallback(path string) string {
	if p.fallback != nil && !p.fallback.grant.Allows(path) {
		return fmt.Sprintf("the fallback %q does not allow the path to the pod", p.fallback.connection)
	}
	return p.noFallback
}

// sources are where a mount reads: from first, and what allowed says from second
// where first cannot be asked.
type sources struct {
	first     source
	second    *source
	allowed   func(path string) bool
	namespace string // of the pod, for whose turn it is
}

// sourcesOf opens what a plan reads from. A fallback that cannot be opened is done
// without. namespace is that of the pod.
func (p *Provider) sourcesOf(pl plan, namespace string) (s sources, release func(), err error) {
	first, releaseFirst, err := p.clients.get(pl.origin, namespace)
	if err != nil {
		return sources{}, nil, err
	}
	first.maxStale = pl.maxStale(p.maxStale) // of our own copy
	s.first, s.namespace = first, namespace
	if pl.fallback == nil {
		return s, releaseFirst, nil
	}
	second, releaseSecond, err := p.clients.get(pl.fallback.origin, namespace)
	if err != nil {
		return s, releaseFirst, nil
	}
	second.maxStale = pl.fallback.maxStale(p.maxStale)
	s.second, s.allowed = &second, pl.fallback.grant.Allows
	return s, func() { releaseFirst(); releaseSecond() }, nil
}

// hurried bounds the wait for a store that something else can stand in for, to three
// quarters of the time that is left at most.
func hurried(ctx context.Context) (context.Context, context.CancelFunc) {
	patience := pace.Patience
	if deadline, bounded := ctx.Deadline(); bounded {
		patience = min(patience, time.Until(deadline)*3/4)
	}
	return context.WithTimeout(ctx, patience)
}

// read gets one secret: from the first store; if that cannot be asked, from the
// second; else the younger of their stale ones. A version by its number is another
// value in another domain, so it has no fallback. See rules 12 to 15 of "The rules
// of reads" in DESIGN.md.
func (p *Provider) read(ctx context.Context, s sources, mount *pace.Mount, ref okms.Ref) fetched {
	if s.second == nil || ref.Version != 0 || !s.allowed(ref.Path) {
		return p.readFrom(ctx, s.first, mount, ref, false)
	}
	first := p.readFirst(ctx, s.first, mount, ref)
	for first.err != nil && first.err.Queued && ctx.Err() == nil {
		first = p.readFirst(ctx, s.first, mount, ref) // the crowd is this node's own: the store may be well
	}
	if first.err == nil {
		p.known.note(s.first, first.secret)
		return first
	}
	if !first.err.Kind.MayPass() || ctx.Err() != nil {
		return first
	}
	second := p.readSecond(ctx, s, mount, ref)
	own, stale := p.cache.Stale(s.first.key(ref), s.first.maxStale, first.err)
	switch {
	case second.err == nil && (second.because == nil || !stale || second.age <= own.Age):
		p.observeRead(Fallback)
		second.instead, second.same = first.err, p.known.same(s.first, second.secret)
		return second
	case second.err != nil:
		first.second = &second
	}
	if stale {
		p.observeRead(cache.Stale)
		return fetched{secret: own.Secret, because: own.Because, age: own.Age, second: first.second}
	}
	if first.err.Kind == failure.TimedOut && ctx.Err() == nil { // it was given a part of the time
		again := p.readFrom(ctx, s.first, mount, ref, false)
		if again.err == nil {
			p.known.note(s.first, again.secret)
		}
		if again.err == nil || !again.err.Kind.MayPass() {
			return again
		}
	}
	return first
}

// readFirst asks the first store alone, for a part of the time.
func (p *Provider) readFirst(ctx context.Context, first source, mount *pace.Mount, ref okms.Ref) fetched {
	ctx, cancel := hurried(ctx)
	defer cancel()
	return p.readFrom(ctx, first, mount, ref, true)
}

// readSecond asks the second store, for a part of the time if a stale secret of
// the first could still be served. That one is looked up again then: a refusal may
// drop it meanwhile.
func (p *Provider) readSecond(ctx context.Context, s sources, mount *pace.Mount, ref okms.Ref) fetched {
	if _, stale := p.cache.Stale(s.first.key(ref), s.first.maxStale, nil); stale {
		var cancel context.CancelFunc
		ctx, cancel = hurried(ctx)
		defer cancel()
	}
	return p.readFrom(ctx, *s.second, mount, ref, false)
}
