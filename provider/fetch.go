package provider

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"ovhcloud-csi-provider/provider/okms"
)

// fetched is the outcome of one read: a secret, or an error with, where that
// helps and could be had, the versions that exist.
type fetched struct {
	secret   okms.Secret
	err      *okms.Error
	versions []okms.Version
}

// Crash carries a panic from the goroutine of a read to that of its mount, which
// panics with it. Only the type of Value may be logged: it may hold anything.
type Crash struct {
	Value any
	Stack []byte
}

// fetch does the reads of a plan side by side, and every one of them to its end,
// so that all failures can be told at once.
func (p *Provider) fetch(ctx context.Context, client *okms.Client, refs []okms.Ref) map[okms.Ref]fetched {
	var (
		mu    sync.Mutex
		crash *Crash
		all   sync.WaitGroup
		got   = make(map[okms.Ref]fetched, len(refs))
	)
	for _, ref := range refs {
		all.Go(func() {
			defer func() {
				if r := recover(); r != nil {
					mu.Lock()
					defer mu.Unlock()
					crash = &Crash{Value: r, Stack: debug.Stack()}
				}
			}()
			f := p.read(ctx, client, ref)
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

// read does one read as soon as there is room for it.
func (p *Provider) read(ctx context.Context, client *okms.Client, ref okms.Ref) fetched {
	select {
	case p.room <- struct{}{}:
		defer func() { <-p.room }()
	case <-ctx.Done():
		return fetched{err: &okms.Error{Kind: okms.TimedOut, Text: "waited for other reads of this node to end"}}
	}
	secret, err := client.Get(ctx, ref)
	if err == nil {
		return fetched{secret: secret}
	}
	var f fetched
	if !errors.As(err, &f.err) {
		f.err = &okms.Error{Kind: okms.Kind(Broken), Text: err.Error()}
	}
	switch f.err.Kind {
	case okms.VersionAbsent, okms.Deactivated, okms.Destroyed:
		// Only to tell the user more; without the right to list, less is told.
		f.versions, _ = client.Versions(ctx, ref.Path)
	}
	return f
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
