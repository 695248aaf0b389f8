// SPDX-License-Identifier: Apache-2.0

package read

import (
	"context"
	"time"

	"ovhcloud-csi-provider/provider/cache"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/pace"
	"ovhcloud-csi-provider/provider/pool"
)

// hurried returns a context for a read that has something to fall back on: it has
// pace.Patience, and at most three quarters of the time that is left (rule 12).
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

// ByFallback is the ReadOutcome of a secret that a connection's fallback gave. It
// counts beside what both connections' reads came to.
const ByFallback = Outcome("fallback")

// mayWait reports whether a read that waited for other reads of this node may wait again, for
// pace.Patience. As much must be left for its fallback then: what it waits for may hang.
func mayWait(ctx context.Context) bool {
	deadline, bounded := ctx.Deadline()
	return ctx.Err() == nil && (!bounded || time.Until(deadline) > 2*pace.Patience)
}

// read returns one secret: from the first store; if that cannot be asked, from the second
// one, the fallback; otherwise the younger of their stale values. These are rules 12 to 15
// of "The rules of reads" in DESIGN.md. A version by its number has no fallback, since it
// is another value in another domain.
func (p *Reader) read(ctx context.Context, s sources, r request) Result {
	if s.second == nil || r.ref.Version != 0 || r.ref.What == okms.Versions || !s.allowed(r.ref) {
		return p.readFrom(ctx, s.first, r, false)
	}
	first := p.readFirst(ctx, s.first, r)
	for first.Err != nil && first.Err.Queued && mayWait(ctx) {
		first = p.readFirst(ctx, s.first, r) // it waited for other reads of this node: the store may be well
	}
	if first.Err == nil {
		p.known.note(s.first, r.ref, first.Secret)
		return first
	}
	if !first.Err.Kind.MayPass() || ctx.Err() != nil {
		return first
	}
	second := p.readSecond(ctx, s, r)
	own, stale := p.cache.Stale(s.first.key(r.ref), s.first.maxStale, first.Err)
	switch {
	case second.Err == nil && (second.because == nil || !stale || second.age <= own.Age):
		p.observeRead(ctx, ByFallback)
		second.instead = first.Err
		second.Version.Host = "@" + second.Version.Domain.Host()
		if same := p.known.same(s.first, second.Secret); same != nil {
			second.Version = Version{Domain: s.first.Domain, Number: same.version, Created: same.created}
		}
		return second
	case second.Err != nil:
		first.second = &second
	}
	if stale {
		p.observeRead(ctx, cache.Stale)
		p.observeAge(ctx, own.Age)
		p.known.note(s.first, r.ref, own.Secret) // the rules of the fallback may have been others when it was read
		served := s.first.gave(own)
		served.second = first.second
		return served
	}
	if first.Err.Kind == failure.TimedOut && ctx.Err() == nil { // it had only a part of the time
		again := p.readFrom(ctx, s.first, r, false)
		if again.Err == nil {
			p.known.note(s.first, r.ref, again.Secret)
		}
		if again.Err == nil || !again.Err.Kind.MayPass() {
			return again
		}
	}
	return first
}

// readFirst asks the first store only, for a part of the time.
func (p *Reader) readFirst(ctx context.Context, first source, r request) Result {
	ctx, cancel := hurried(ctx)
	defer cancel()
	return p.readFrom(ctx, first, r, true)
}

// readSecond asks the second store, for a part of the time if there is a stale value of the
// first one. The caller must look that value up again: a refusal may drop it meanwhile.
func (p *Reader) readSecond(ctx context.Context, s sources, r request) Result {
	if _, stale := p.cache.Stale(s.first.key(r.ref), s.first.maxStale, nil); stale {
		var cancel context.CancelFunc
		ctx, cancel = hurried(ctx)
		defer cancel()
	}
	return p.readFrom(ctx, *s.second, r, false)
}

// readFrom returns one secret from one source: from the cache, else from the store when it
// is the mount's turn, else a stale value from the cache. With elsewhere it returns no
// stale value: the caller has another source, and asks it first.
func (p *Reader) readFrom(ctx context.Context, s source, r request, elsewhere bool) Result {
	asker := pace.Asker{Mount: r.mount, Turn: &pace.Turn{}, Credential: s.Credential, Domain: s.Domain}
	maxStale := s.maxStale
	if elsewhere {
		maxStale = 0
	}
	var lease *pool.Lease // other mounts may still wait for the read when this one has ended
	got, failed := p.cache.Get(ctx, cache.Read{
		Key:       s.key(r.ref),
		MaxAge:    r.maxAge,
		MaxStale:  maxStale,
		Keep:      max(s.maxStale, r.keep),
		Elsewhere: elsewhere,
		Resting: func() *okms.Error {
			a := asker
			a.Hurried = true // it has something to fall back on
			return p.pace.Resting(a)
		},
		By:     r.mount,
		Joined: func(by any) { p.pace.Share(asker, by.(*pace.Mount)) },
		Begin:  func() { lease = s.Clone() },
		Do: func(ctx context.Context) (okms.Secret, *okms.Error) {
			defer lease.Close()
			a := asker
			a.Hurried = isHurried(ctx)
			return p.pace.Do(ctx, a, func(ctx context.Context) (okms.Secret, *okms.Error) {
				begin := time.Now()
				return s.lists.ask(ctx, s, r.ref, func(failed *okms.Error) {
					p.cache.Heard(ctx, failed)
					p.pace.Heard(a, time.Since(begin))
				})
			})
		},
	})
	if failed != nil {
		return Result{Err: failed}
	}
	return s.gave(got)
}
