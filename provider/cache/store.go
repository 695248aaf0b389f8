// SPDX-License-Identifier: Apache-2.0

package cache

import (
	"container/list"
	"strings"
	"time"

	"ovhcloud-csi-provider/provider/okms"
)

// What the store itself takes for a value (the entry, its places in the index and in the
// list, the headers of its texts), and for each credential in a site. In bytes,
// approximately.
const (
	entryOverhead = 500
	shelfOverhead = 900
)

// store is an LRU of values within a limit of bytes (rule 6). The cache's mutex guards it.
type store struct {
	most    int
	bytes   int // of the entries
	entries index[*entry]
	recent  *list.List // of *entry, the most recently used first
}

type entry struct {
	key    Key
	secret okms.Secret
	at     time.Time     // when it was read
	keep   time.Duration // how long after that it may still be served, stale
	place  *list.Element // in recent
	due    time.Duration // the MaxAge or TTL after which the value before it was due; 0 if it was not
	early  float64       // the part of either that lasts takes off; 0 is not drawn yet
}

func newStore(most int) store {
	return store{most: most, entries: newIndex[*entry](), recent: list.New()}
}

func (e *entry) keyed() Key { return e.key }

// size returns about how many bytes the entry takes. Equal CA bundles may share memory, but
// need not, so each one counts.
func (e *entry) size() int {
	return entryOverhead + len(e.key.Domain.Endpoint) + len(e.key.Domain.ID) + len(e.key.Domain.CABundle) +
		len(e.key.Ref.Path) + len(e.secret.Created) + cap(e.secret.Data.Reveal())
}

// age returns how old the value is. It is negative if the clock jumped back.
func (e *entry) age(now time.Time) time.Duration { return now.Sub(e.at) }

// tooOld reports whether the value may not be served in any way any more.
func (e *entry) tooOld(now time.Time) bool { return e.age(now) < 0 || e.age(now) > e.keep }

// owned copies the texts of the entry that may be small parts of large ones, of a class or
// of an answer, which they would keep in memory.
func (e *entry) owned() {
	e.key.Domain.ID = strings.Clone(e.key.Domain.ID)
	e.key.Ref.Path = strings.Clone(e.key.Ref.Path)
	e.secret.Path = e.key.Ref.Path
	e.secret.Created = strings.Clone(e.secret.Created)
}

// put adds a value in place of the one with the same key. A value that is larger than the
// whole store is not kept.
func (s *store) put(e *entry) {
	s.drop(s.entries.find(e.key))
	if e.keep <= 0 || e.size()+shelfOverhead > s.most {
		return
	}
	e.owned()
	s.entries.add(e)
	e.place = s.recent.PushFront(e)
	s.bytes += e.size()
	s.shrink(s.taken() - s.most)
}

// use makes an entry the most recently used one.
func (s *store) use(e *entry) { s.recent.MoveToFront(e.place) }

// drop removes an entry. nil is none.
func (s *store) drop(e *entry) {
	if e == nil {
		return
	}
	s.bytes -= e.size()
	s.recent.Remove(e.place)
	s.entries.remove(e.key)
}

// shrink evicts the least recently used values until so many bytes are freed, or none are
// left. It returns how many it freed.
func (s *store) shrink(bytes int) (freed int) {
	before := s.taken()
	for s.recent.Len() > 0 && before-s.taken() < bytes {
		s.drop(s.recent.Back().Value.(*entry))
	}
	return before - s.taken()
}

// taken returns about how many bytes the store takes.
func (s *store) taken() int { return s.bytes + s.entries.shelves*shelfOverhead }

// sweep drops the values that are too old to be served in any way.
func (s *store) sweep(now time.Time) {
	var next *list.Element
	for place := s.recent.Front(); place != nil; place = next {
		next = place.Next()
		if e := place.Value.(*entry); e.tooOld(now) {
			s.drop(e)
		}
	}
}
