// SPDX-License-Identifier: Apache-2.0

package read

import (
	"context"
	"sync"
	"time"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/place"
)

// Limits on the lists of versions that are requested only to tell the user more: so many
// for one mount, and each for so long, since the answer about the secret itself must not
// wait for them.
const (
	mostListings = 20
	listingTime  = time.Second
)

// listings are the lists of versions that one mount has requested, each at most once. A
// class may pin a thousand versions of one secret, and a list may have 1 MiB.
type listings struct {
	mu     sync.Mutex
	byPath map[listingKey]*listing
}

type listingKey struct {
	domain place.Domain
	path   string
}

// listing is one list. others is valid after done.
type listing struct {
	done   chan struct{}
	others okms.Others
}

// of returns what could be read instead at a path of a source. It returns the zero value
// without the right to list, without an answer in time, and after mostListings lists.
func (l *listings) of(ctx context.Context, s source, path string) okms.Others {
	l.mu.Lock()
	if l.byPath == nil {
		l.byPath = map[listingKey]*listing{}
	}
	key := listingKey{s.Domain, path}
	list := l.byPath[key]
	first := list == nil && len(l.byPath) < mostListings
	if first {
		list = &listing{done: make(chan struct{})}
		l.byPath[key] = list
	}
	l.mu.Unlock()
	switch {
	case list == nil:
		return okms.Others{}
	case first:
		defer close(list.done)
		ctx, cancel := context.WithTimeout(ctx, listingTime)
		defer cancel()
		latest, some, _ := s.Client.LatestActive(ctx, path)
		list.others = okms.Others{Listed: some, LatestActive: latest}
		return list.others
	}
	select {
	case <-list.done:
		return list.others
	case <-ctx.Done(): // a lock would not look at it
		return okms.Others{}
	}
}

// ask asks the store. A failure that is about one version says which other one there is; heard is
// called before that is asked.
func (l *listings) ask(ctx context.Context, s source, ref okms.Ref,
	heard func(*okms.Error)) (okms.Secret, *okms.Error) {
	secret, failed := s.Client.Get(ctx, ref)
	if failed != nil && failed.Kind.Drops() == failure.OfVersion {
		heard(failed)
		failed.Others = l.of(ctx, s, ref.Path)
	}
	return secret, failed
}
