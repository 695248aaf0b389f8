package cache

import (
	"container/list"
	"strings"
	"time"

	"ovhcloud-csi-provider/provider/okms"
)

// What the store itself takes in bytes, about: for a value (the entry, its places in the
// index and in the list, the value's and the path's headers), and for each credential
// in each place.
const (
	entryOverhead = 500
	shelfOverhead = 900
)

// store keeps values within a bound of bytes: the least recently used goes first. The
// cache's mutex guards it.
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
}

func newStore(most int) store {
	return store{most: most, entries: newIndex[*entry](), recent: list.New()}
}

func (e *entry) keyed() Key { return e.key }

// size is about what the entry takes, in bytes. Equal CA bundles may be one text in
// memory, but need not be, so each counts.
func (e *entry) size() int {
	return entryOverhead + len(e.key.Domain.Endpoint) + len(e.key.Domain.ID) + len(e.key.Domain.CABundle) +
		len(e.key.Ref.Path) + len(e.secret.Created) + cap(e.secret.Data.Reveal())
}

// age is how old the value is. It is negative if the clock jumped back.
func (e *entry) age(now time.Time) time.Duration { return now.Sub(e.at) }

// tooOld says that the value may not be served in any way any more.
func (e *entry) tooOld(now time.Time) bool { return e.age(now) < 0 || e.age(now) > e.keep }

// owned copies the texts of the entry that may be small parts of large ones: of a class,
// or of an answer.
func (e *entry) owned() {
	e.key.Domain.ID = strings.Clone(e.key.Domain.ID)
	e.key.Ref.Path = strings.Clone(e.key.Ref.Path)
	e.secret.Path = e.key.Ref.Path
	e.secret.Created = strings.Clone(e.secret.Created)
}

// put keeps a value in the place of the one that was there, if there is room for it at
// all.
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

// use moves an entry to the end of those that go first.
func (s *store) use(e *entry) { s.recent.MoveToFront(e.place) }

// drop takes an entry out; nil is none.
func (s *store) drop(e *entry) {
	if e == nil {
		return
	}
	s.bytes -= e.size()
	s.recent.Remove(e.place)
	s.entries.remove(e.key)
}

// shrink drops the least recently used values until so many bytes are freed, or nothing
// is left. It returns how many it freed.
func (s *store) shrink(bytes int) (freed int) {
	before := s.taken()
	for s.recent.Len() > 0 && before-s.taken() < bytes {
		s.drop(s.recent.Back().Value.(*entry))
	}
	return before - s.taken()
}

// taken is about how many bytes the store takes.
func (s *store) taken() int { return s.bytes + s.entries.shelves*shelfOverhead }

// sweep drops what is too old for any use.
func (s *store) sweep(now time.Time) {
	var next *list.Element
	for place := s.recent.Front(); place != nil; place = next {
		next = place.Next()
		if e := place.Value.(*entry); e.tooOld(now) {
			s.drop(e)
		}
	}
}
