package read

import (
	"context"
	"sync"
	"time"

	"ovhcloud-csi-provider/provider/place"
)

// otherVersions says what could be read instead of a version that is not there. The zero
// value says nothing, since nothing is known.
type otherVersions struct {
	listed       bool // the store listed versions
	latestActive int  // the highest number of an active one, 0 if there is none
}

// What mounts ask for only to tell the user more: at most so many lists of versions, and
// each for so long, since what OKMS said of the secret itself must not wait for it.
const (
	mostListings = 20
	listingTime  = time.Second
)

// listings are the lists of versions that one mount has asked for: each at most once. A
// class may pin a thousand versions of one secret, and a list may be 1 MiB long.
type listings struct {
	mu     sync.Mutex
	byPath map[listingKey]func() otherVersions
}

type listingKey struct {
	domain place.Domain
	path   string
}

// of says what could be read instead at a path of a source. Without the right to list,
// without an answer in time, and after mostListings, that is not known.
func (l *listings) of(ctx context.Context, s source, path string) otherVersions {
	l.mu.Lock()
	if l.byPath == nil {
		l.byPath = map[listingKey]func() otherVersions{}
	}
	key := listingKey{s.domain, path}
	list := l.byPath[key]
	if list == nil && len(l.byPath) < mostListings {
		list = sync.OnceValue(func() otherVersions {
			ctx, cancel := context.WithTimeout(ctx, listingTime)
			defer cancel()
			latest, some, _ := s.client.LatestActive(ctx, path)
			return otherVersions{listed: some, latestActive: latest}
		})
		l.byPath[key] = list
	}
	l.mu.Unlock()
	if list == nil {
		return otherVersions{}
	}
	return list()
}
