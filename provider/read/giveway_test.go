// SPDX-License-Identifier: Apache-2.0

package read

import (
	"context"
	"fmt"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/budget"
	"ovhcloud-csi-provider/provider/cache"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/sensitive"
)

// TestTheCacheGivesWay to mounts, and what it gives are the values that were not used.
func TestTheCacheGivesWay(t *testing.T) {
	memory := budget.New(64 << 20)
	p := New(Config{CacheTTL: time.Hour, CacheBytes: 1 << 30, Budget: memory})
	defer p.Close()
	read := func(path string) (asked bool) {
		_, err := p.cache.Get(t.Context(),
			cache.Read{Key: cache.Key{Ref: okms.Ref{Path: path}}, Do: func(context.Context) (okms.Secret, *okms.Error) {
				asked = true
				return okms.Secret{Path: path, Version: 1, Data: sensitive.New(make([]byte, 60<<10))}, nil
			}})
		if err != nil {
			t.Fatal(err)
		}
		return asked
	}
	for i := range 400 {
		read(fmt.Sprint("s", i))
	}
	if _, kept := p.cache.Size(); kept < 400*60<<10 {
		t.Fatalf("%d bytes are kept", kept)
	}
	empty := fillMaking(memory)
	holding := memory.Open("one")
	for holding.Take(budget.Holding, 1<<20) {
	}
	running := memory.Open("two")
	for running.Take(budget.Running, 1<<20) {
	}
	if _, kept := p.cache.Size(); int64(kept) > memory.Free() || kept == 0 {
		t.Errorf("%d bytes are kept of %d that are free", kept, memory.Free())
	}
	if read("s399") || !read("s0") {
		t.Error("not the least recently used values were given away")
	}
	holding.Close()
	running.Close()
	empty()
}

// fillMaking takes nearly all of a budget's part for making files, in many namespaces.
func fillMaking(b *budget.Budget) (empty func()) {
	var all []*budget.Account
	for i := range 40 {
		a := b.Open(fmt.Sprint("crowd", i))
		for n := b.Parts[budget.Making]; n > 16<<10; n /= 2 {
			for a.Take(budget.Making, n) {
			}
		}
		all = append(all, a)
	}
	return func() {
		for _, a := range all {
			a.Close()
		}
	}
}
