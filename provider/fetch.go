package provider

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"ovhcloud-csi-provider/provider/cache"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/pace"
)

// fetched is the outcome of one read: a secret, or an error with, where that
// helps and could be had, the versions that exist. A secret may be a stale one.
type fetched struct {
	secret   okms.Secret
	because  *okms.Error   // why it is stale, nil if it is not
	age      time.Duration // of a stale one
	err      *okms.Error
	versions []okms.Version
}

// Crash carries a panic from the goroutine of a read to that of its mount, which
// panics with it. Only the type of Value may be logged: it may hold anything.
type Crash = cache.Crash

// fetch does the reads of a plan side by side, and every one of them to its end,
// so that all failures can be told at once.
func (p *Provider) fetch(ctx context.Context, s source, refs []okms.Ref) map[okms.Ref]fetched {
	var (
		mu    sync.Mutex
		crash *Crash
		all   sync.WaitGroup
		got   = make(map[okms.Ref]fetched, len(refs))
		mount = pace.NewMount()
	)
	for _, ref := range refs {
		all.Go(func() {
			defer func() {
				if r := recover(); r != nil {
					mu.Lock()
					defer mu.Unlock()
					var deeper bool
					if crash, deeper = r.(*Crash); !deeper {
						crash = &Crash{Value: r, Stack: debug.Stack()}
					}
				}
			}()
			f := p.read(ctx, s, mount, ref)
			mu.Lock()
			defer mu.Unlock()
			got[ref] = f
		})
	}
	all.Wait()
	if crash != nil {
		panic(crash)
	}
	return got
}

// source is where a mount reads, and with what right.
type source struct {
	client     *okms.Client
	domain     okms.Domain
	credential [sha256.Size]byte
	maxStale   time.Duration
}

// read gets one secret: from the cache, else from the store when it is the
// mount's turn.
func (p *Provider) read(ctx context.Context, s source, mount *pace.Mount, ref okms.Ref) fetched {
	asker := pace.Asker{Mount: mount, Credential: s.credential, Domain: s.domain}
	got, err := p.cache.Get(ctx, cache.Read{
		Key:      cache.Key{Credential: s.credential, Domain: s.domain, Ref: ref},
		MaxStale: s.maxStale,
		Do: func(ctx context.Context) (okms.Secret, error) {
			return p.pace.Do(ctx, asker, func(ctx context.Context) (okms.Secret, error) { return ask(ctx, s.client, ref) })
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
		f.versions = more.versions
	}
	return f
}

// absent is a failed read with the versions that could be read instead.
type absent struct {
	failed   *okms.Error
	versions []okms.Version
}

func (a *absent) Error() string { return a.failed.Error() }
func (a *absent) Unwrap() error { return a.failed }

// ask asks the store.
func ask(ctx context.Context, client *okms.Client, ref okms.Ref) (okms.Secret, error) {
	secret, err := client.Get(ctx, ref)
	var failed *okms.Error
	if !errors.As(err, &failed) {
		return secret, err
	}
	switch failed.Kind {
	case okms.VersionAbsent, okms.Deactivated, okms.Destroyed:
		// Only to tell the user more; without the right to list, less is told.
		versions, _ := client.Versions(ctx, ref.Path)
		return secret, &absent{failed, versions}
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
		}
		reads = append(reads, fmt.Sprintf("%s@%d read %s ago", f.secret.Path, f.secret.Version, f.age.Round(time.Second)))
	}
	return reads, because
}
