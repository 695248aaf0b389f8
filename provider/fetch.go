package provider

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"ovhcloud-csi-provider/provider/budget"
	"ovhcloud-csi-provider/provider/cache"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/pace"
	"ovhcloud-csi-provider/provider/sensitive"
)

// fetched is the outcome of one read: a secret, or an error with, where that helps and
// could be had, the version that could be read instead. A secret may be a stale one.
type fetched struct {
	secret  okms.Secret
	because *okms.Error   // why it is stale, nil if it is not
	age     time.Duration // of a stale one
	err     *okms.Error
	others  otherVersions
	// instead is why the fallback gave the secret, nil if it did not; same is then what the
	// first domain called the same text, nil if that is not known. second is what the
	// fallback failed with, where it did.
	instead *okms.Error
	same    *knownSecret
	second  *fetched
}

// Crash carries a panic from the goroutine of a read to that of its mount, which
// panics with it. Only the type of Value may be logged: it may hold anything.
type Crash = cache.Crash

// maxHeld is what the secrets of one mount may take in memory, in bytes, before files are
// made of them. The driver takes 3.5 MiB of files from a mount, but an object may take
// little of a large secret, hence the room above that.
const maxHeld = 16 << 20

// mostAtOnce is how many reads of one mount are under way at once, be it in line for
// a place. Each takes some 30 kB, and a class may ask for a thousand.
const mostAtOnce = 32

// fetching is the reads of one mount under way.
type fetching struct {
	account *budget.Account
	most    int64 // bytes of secrets
	cancel  context.CancelFunc

	mu      sync.Mutex
	got     map[okms.Ref]fetched
	crash   *Crash
	held    int64 // bytes of secrets
	taken   int64 // of the account, held of them in use
	full    bool  // the node has no more for now
	tooMuch bool  // the mount may not have more
}

// fetch does the reads of a plan side by side, and every one of them to its end, so
// that all failures can be told at once. The account holds the secrets. Where the node
// has no room for them, it drops all, waits for more room than it had, and begins again:
// who waits holds nothing that others wait for.
func (p *Provider) fetch(ctx context.Context, account *budget.Account, s sources, refs []okms.Ref) (got map[okms.Ref]fetched, failures []Failure) {
	s.first.lists = &listings{}
	if s.second != nil {
		s.second.lists = s.first.lists
	}
	var reserved int64
	most := min(maxHeld, p.budget.Most(budget.Holding))
	for {
		f := p.fetchOnce(ctx, account, reserved, most, s, refs)
		switch {
		case f.tooMuch:
			return f.got, []Failure{{Kind: TooLarge, Object: WholeClass, Where: "objects",
				What: fmt.Sprintf("the secrets of this mount take more than %d bytes together; use several classes and volumes", most)}}
		case !f.full:
			return f.got, nil
		}
		reserved = min(most, 2*max(reserved, f.held))
		if !account.Wait(ctx, budget.Holding, reserved) {
			return f.got, []Failure{{Kind: NodeFull, Object: WholeClass, Where: "objects",
				What: "the mounts of this node read too many large secrets at once", Advice: nodeFullAdvice}}
		}
	}
}

// fetchOnce does all reads, unless there is no room for what they give. reserved bytes
// of the account are for them, and most is what they may take.
func (p *Provider) fetchOnce(ctx context.Context, account *budget.Account, reserved, most int64, s sources, refs []okms.Ref) *fetching {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f := &fetching{account: account, cancel: cancel, most: most, taken: reserved, got: make(map[okms.Ref]fetched, len(refs))}
	var all sync.WaitGroup
	mount := pace.NewMount(s.namespace)
	next := make(chan okms.Ref)
	for range min(len(refs), mostAtOnce) {
		all.Go(func() {
			for ref := range next {
				f.read(ref, func() fetched { return p.read(ctx, s, mount, ref) })
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

// read does one read and takes in what came of it.
func (f *fetching) read(ref okms.Ref, read func() fetched) {
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

// add takes in the outcome of a read. Where there is no room for it, everything is
// dropped, and the other reads end.
func (f *fetching) add(ref okms.Ref, one fetched) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.full && !f.tooMuch {
		f.held += int64(one.secret.Data.Len())
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
		one.secret.Data = sensitive.Bytes{}
		f.got[ref] = one
	}
	f.account.Give(budget.Holding, f.taken)
	f.taken = 0
}

// source is where a mount reads, and with what right.
type source struct {
	client     *okms.Client
	domain     okms.Domain
	credential [sha256.Size]byte
	maxStale   time.Duration
	lists      *listings // of the mount, for all its sources
	// hold keeps the client open until the returned function is called.
	hold func() (release func())
}

func (s source) key(ref okms.Ref) cache.Key {
	return cache.Key{Credential: s.credential, Domain: s.domain, Ref: ref}
}

// readFrom gets one secret from one source: from the cache, else from the store
// when it is the mount's turn, else a stale one from the cache. With elsewhere no
// stale one is served: the caller has another source, which is asked first.
func (p *Provider) readFrom(ctx context.Context, s source, mount *pace.Mount, ref okms.Ref, elsewhere bool) fetched {
	asker := pace.Asker{Mount: mount, Turn: &pace.Turn{}, Credential: s.credential, Domain: s.domain}
	maxStale := s.maxStale
	if elsewhere {
		maxStale = 0
	}
	got, err := p.cache.Get(ctx, cache.Read{
		Key:       s.key(ref),
		MaxStale:  maxStale,
		Keep:      s.maxStale,
		Elsewhere: elsewhere,
		Resting:   func() *okms.Error { return p.pace.Resting(asker) },
		By:        mount,
		Joined:    func(by any) { p.pace.Share(asker, by.(*pace.Mount)) },
		Do: func(ctx context.Context) (okms.Secret, error) {
			// Other mounts may have joined the read when this one has left.
			defer s.hold()()
			return p.pace.Do(ctx, asker, func(ctx context.Context) (okms.Secret, error) { return s.lists.ask(ctx, s, ref) })
		},
	})
	if err == nil {
		return fetched{secret: got.Secret, because: got.Because, age: got.Age}
	}
	var f fetched
	if !errors.As(err, &f.err) {
		f.err = &okms.Error{Kind: okms.Kind(Broken), Text: err.Error()}
	}
	if more := (*absent)(nil); errors.As(err, &more) {
		f.others = more.others
	}
	return f
}

// absent is a failed read with what could be read instead.
type absent struct {
	failed *okms.Error
	others otherVersions
}

func (a *absent) Error() string { return a.failed.Error() }
func (a *absent) Unwrap() error { return a.failed }

// ask asks the store.
func (l *listings) ask(ctx context.Context, s source, ref okms.Ref) (okms.Secret, error) {
	secret, err := s.client.Get(ctx, ref)
	var failed *okms.Error
	if !errors.As(err, &failed) {
		return secret, err
	}
	// Other versions help with these alone.
	//exhaustive:ignore
	switch failed.Kind {
	case okms.VersionAbsent, okms.Deactivated, okms.Deleted:
		return secret, &absent{failed, l.of(ctx, s, ref.Path)}
	}
	return secret, err
}

// readsOf names the secrets that were read, in the order of the plan.
func readsOf(pl plan, got map[okms.Ref]fetched) []string {
	var reads []string
	for _, ref := range pl.reads {
		if f := got[ref]; f.err == nil {
			reads = append(reads, fmt.Sprintf("%s@%d", f.secret.Path, f.secret.Version))
		}
	}
	return reads
}

// staleOf names the secrets that were served stale, with their ages, and says why
// the first of them was. Both are empty where none was.
func staleOf(pl plan, got map[okms.Ref]fetched) (reads []string, because string) {
	for _, ref := range pl.reads {
		f := got[ref]
		if f.because == nil {
			continue
		}
		if len(reads) == 0 {
			because = f.because.Error()
			if f.second != nil {
				because += "; the fallback: " + f.second.err.Error()
			} else if why := pl.withoutFallback(ref.Path); why != "" {
				because += "; " + why
			}
		}
		reads = append(reads, fmt.Sprintf("%s@%d read %s ago", f.secret.Path, f.secret.Version, f.age.Round(time.Second)))
	}
	return reads, because
}

// fallbackReads tells what the fallback gave.
func fallbackReads(pl plan, got map[okms.Ref]fetched) (out FallbackReads) {
	for _, ref := range pl.reads {
		f := got[ref]
		if f.instead == nil {
			continue
		}
		if len(out.Reads) == 0 {
			out.Connection, out.Credential, out.Because = pl.fallback.connection, pl.fallback.credential.String(), f.instead.Error()
		}
		out.Reads = append(out.Reads, fmt.Sprintf("%s@%d", f.secret.Path, f.secret.Version))
	}
	return out
}
