package read

import (
	"context"
	"time"

	"ovhcloud-csi-provider/provider/cache"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/pace"
	"ovhcloud-csi-provider/provider/plan"
)

// ByFallback is the ReadOutcome of a secret that a connection's fallback gave. It
// counts beside what both connections' reads came to.
const ByFallback = Outcome("fallback")

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
func (p *Reader) sourcesOf(pl plan.Plan, namespace string) (s sources, release func(), err error) {
	first, releaseFirst, err := p.clients.get(pl.Origin, namespace)
	if err != nil {
		return sources{}, nil, err
	}
	first.maxStale = pl.MaxStale(p.maxStale) // of our own copy
	s.first, s.namespace = first, namespace
	if pl.Fallback == nil {
		return s, releaseFirst, nil
	}
	second, releaseSecond, err := p.clients.get(pl.Fallback.Origin, namespace)
	if err != nil {
		return s, releaseFirst, nil
	}
	second.maxStale = pl.Fallback.MaxStale(p.maxStale)
	s.second, s.allowed = &second, pl.Fallback.Grant.Allows
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

// isHurried reports whether a read has no more time than one that has something to fall
// back on.
func isHurried(ctx context.Context) bool {
	deadline, bounded := ctx.Deadline()
	return bounded && time.Until(deadline) <= pace.Patience
}

// read gets one secret: from the first store; if that cannot be asked, from the
// second; else the younger of their stale ones. A version by its number is another
// value in another domain, so it has no fallback. See rules 12 to 15 of "The rules
// of reads" in DESIGN.md.
func (p *Reader) read(ctx context.Context, s sources, mount *pace.Mount, ref okms.Ref) Result {
	if s.second == nil || ref.Version != 0 || !s.allowed(ref.Path) {
		return p.readFrom(ctx, s.first, mount, ref, false)
	}
	first := p.readFirst(ctx, s.first, mount, ref)
	for first.Err != nil && first.Err.Queued && ctx.Err() == nil {
		first = p.readFirst(ctx, s.first, mount, ref) // the crowd is this node's own: the store may be well
	}
	if first.Err == nil {
		p.known.note(s.first, first.Secret)
		return first
	}
	if !first.Err.Kind.MayPass() || ctx.Err() != nil {
		return first
	}
	second := p.readSecond(ctx, s, mount, ref)
	own, stale := p.cache.Stale(s.first.key(ref), s.first.maxStale, first.Err)
	switch {
	case second.Err == nil && (second.because == nil || !stale || second.age <= own.Age):
		p.observeRead(ByFallback)
		second.instead = first.Err
		second.Of.Host = "@" + hostOf(second.Of.Domain)
		if same := p.known.same(s.first, second.Secret); same != nil {
			second.Of = versionOf{Domain: s.first.domain, Version: same.version, Created: same.created}
		}
		return second
	case second.Err != nil:
		first.second = &second
	}
	if stale {
		p.observeRead(cache.Stale)
		served := s.first.gave(own)
		served.second = first.second
		return served
	}
	if first.Err.Kind == failure.TimedOut && ctx.Err() == nil { // it was given a part of the time
		again := p.readFrom(ctx, s.first, mount, ref, false)
		if again.Err == nil {
			p.known.note(s.first, again.Secret)
		}
		if again.Err == nil || !again.Err.Kind.MayPass() {
			return again
		}
	}
	return first
}

// readFirst asks the first store alone, for a part of the time.
func (p *Reader) readFirst(ctx context.Context, first source, mount *pace.Mount, ref okms.Ref) Result {
	ctx, cancel := hurried(ctx)
	defer cancel()
	return p.readFrom(ctx, first, mount, ref, true)
}

// readSecond asks the second store, for a part of the time if a stale secret of
// the first could still be served. That one is looked up again then: a refusal may
// drop it meanwhile.
func (p *Reader) readSecond(ctx context.Context, s sources, mount *pace.Mount, ref okms.Ref) Result {
	if _, stale := p.cache.Stale(s.first.key(ref), s.first.maxStale, nil); stale {
		var cancel context.CancelFunc
		ctx, cancel = hurried(ctx)
		defer cancel()
	}
	return p.readFrom(ctx, *s.second, mount, ref, false)
}
