// SPDX-License-Identifier: Apache-2.0

package pace

import (
	"container/list"
	"context"
	"math"
	"slices"
	"sync"
	"time"
)

// places is the semaphore for reads in progress, of each domain and of all together, with
// fair queues (rule 7). A read gets its place in its domain and its place among all at
// once, or waits for both, so that no waiting read holds a place that another one could
// use.
//
// Namespaces take turns, then the domains of a namespace, then its mounts, however many
// reads each of them has.
type places struct {
	mu    sync.Mutex
	all   pool
	burst burst
	// waiting are the namespaces with waiting reads, by name, and in turns in their order:
	// the first one is next.
	waiting map[string]*namespace
	turns   *list.List // of *namespace
}

// pool is a number of places, and how many each namespace holds.
type pool struct {
	free int
	held map[string]int // none is 0
}

// room is the places of one domain.
type room struct {
	pool
	turns *list.List // of *line, those that wait here
}

// namespace is the waiting reads of a namespace, with a line for each domain.
type namespace struct {
	name  string
	lines map[*room]*line
	turns *list.List // of *line
	turn  *list.Element
}

// line is the reads of one namespace that wait for one domain, with a queue for each mount.
// No line and no queue is empty.
type line struct {
	namespace       *namespace
	room            *room
	queues          map[*Mount]*queue
	turns           *list.List    // of *queue
	turn, turnAmong *list.Element // in the room, in the namespace
}

type queue struct {
	mount *Mount
	reads *list.List // of *waiter
	turn  *list.Element
}

// waiter is a read that waits for a place. It is in the queues of all mounts that want the
// read, and in none of them when the wait is over.
type waiter struct {
	room   *room
	queued []entry
	given  chan struct{} // closed when it has a place
	holder string        // the namespace that the place counts for
	young  bool          // it counts among the young reads of holder
	ages   *time.Timer   // calls aged; nil without a place
}

type entry struct {
	line  *line
	queue *queue
	place *list.Element
}

// Turn is a read's position in the queue. The mutex of places guards its fields.
type Turn struct {
	others  []*Mount // that want the read besides the one which began it
	current *waiter  // nil before the first
	heard   bool     // the read in progress was Heard; under Pace.mu
}

// noBound is a number of places that is never reached.
const noBound = math.MaxInt32

// newPlaces returns places for so many reads, with a bound of young ones.
func newPlaces(total int, bound burst) *places {
	return &places{all: newPool(total), burst: bound, waiting: map[string]*namespace{}, turns: list.New()}
}

func newPool(n int) pool { return pool{free: n, held: map[string]int{}} }

func newRoom(n int) *room { return &room{pool: newPool(n), turns: list.New()} }

// mostOfFree is how many times the free places one namespace may hold: 15/16 of all if it
// is alone. Reads that hang thus leave some places to other namespaces.
const mostOfFree = 15

// fits reports whether a namespace may have one more place. It may have its first one if
// any is free.
func (p *pool) fits(namespace string) bool {
	return p.free > 0 && p.held[namespace]+1 <= max(1, mostOfFree*(p.free-1))
}

// take adds n places to those of a namespace. n may be -1.
func (p *pool) take(namespace string, n int) {
	p.free -= n
	if p.held[namespace] += n; p.held[namespace] == 0 {
		delete(p.held, namespace)
	}
}

// enter waits for a place. ok is false if ctx ended first, or if less than least of its
// time is left. Otherwise the caller calls leave when the read is over.
func (p *places) enter(ctx context.Context, r *room, a Asker, least time.Duration) (leave func(), ok bool) {
	w, at := p.line(r, a)
	leave = func() { p.leave(w) }
	if at {
		return leave, true
	}
	select {
	case <-w.given:
		if deadline, bounded := ctx.Deadline(); !bounded || time.Until(deadline) > least {
			return leave, true
		}
		leave()
	case <-ctx.Done():
		if !p.giveUp(w) {
			leave() // it had got a place meanwhile
		}
	}
	return nil, false
}

// line gives the read a place at once if one of its mounts may have one. Otherwise it puts
// the read into the queues of all its mounts. It may overtake reads of its namespace that wait because
// of young ones, if it came alone since: they are woken when one of these is not young any more.
func (p *places) line(r *room, a Asker) (w *waiter, at bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w = &waiter{room: r, given: make(chan struct{})}
	a.Turn.current = w
	mounts := append([]*Mount{a.Mount}, a.Turn.others...)
	for _, m := range mounts {
		if p.fits(r, m.namespace) {
			p.give(w, m.namespace)
			return w, true
		}
	}
	for _, m := range mounts {
		p.enqueue(w, m)
	}
	return w, false
}

// share adds a mount to a read that another mount began.
func (p *places) share(turn *Turn, began, with *Mount) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if with == began || slices.Contains(turn.others, with) {
		return
	}
	turn.others = append(turn.others, with)
	w := turn.current
	switch {
	case w == nil || len(w.queued) == 0: // not in line
	case p.fits(w.room, with.namespace):
		p.dequeue(w)
		p.give(w, with.namespace)
	default:
		p.enqueue(w, with)
	}
}

// giveUp ends a wait. It returns false if the read has got a place.
func (p *places) giveUp(w *waiter) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(w.queued) == 0 {
		return false
	}
	p.dequeue(w)
	return true
}

// leave gives a place back, and gives it to the next read. If no place was free among those
// of all domains, or none for the namespace because of its young reads, the next namespace gets
// it, wherever it reads. Otherwise the order in the domain counts: no namespace is behind there
// because of what it reads elsewhere.
func (p *places) leave(w *waiter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	scarce := p.all.free == 0 || !p.burst.fits(w.holder)
	if w.room.free == 0 {
		// A namespace at its bound has its turn here all the same: when another one of its reads ends,
		// the room is full again.
		p.burst.extra = 1
	}
	w.room.take(w.holder, -1)
	p.all.take(w.holder, -1)
	w.ages.Stop()
	p.grow(w)
	for !scarce && p.serveRoom(w.room) {
		p.burst.extra = 0
	}
	p.burst.extra = 0
	for p.serveAny() {
	}
}

// aged is called when a read is not young any more: another one of its namespace may begin.
func (p *places) aged(w *waiter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.grow(w)
	for p.serveAny() {
	}
}

// grow ends a read's youth, if it has not ended yet.
func (p *places) grow(w *waiter) {
	if w.young {
		w.young = false
		p.burst.end(w.holder)
	}
}

// serveRoom gives a place in a domain to the next read there. It returns false if none can
// have one.
func (p *places) serveRoom(r *room) bool {
	for turn := r.turns.Front(); turn != nil && r.free > 0; turn = turn.Next() {
		if p.serve(turn.Value.(*line)) {
			return true
		}
	}
	return false
}

// serveAny gives a place to the next read of all. It returns false if none can have one. A
// namespace has no more lines that cannot be served than there are full domains.
func (p *places) serveAny() bool {
	for turn := p.turns.Front(); turn != nil && p.all.free > 0; turn = turn.Next() {
		n := turn.Value.(*namespace)
		for among := n.turns.Front(); among != nil && p.fitsAll(n.name); among = among.Next() {
			if p.serve(among.Value.(*line)) {
				return true
			}
		}
	}
	return false
}

// serve gives a place to the next read of a line if its namespace may have one. The line,
// its mount and its namespace are last in their orders then.
func (p *places) serve(l *line) bool {
	if !p.fits(l.room, l.namespace.name) {
		return false
	}
	q := l.turns.Front().Value.(*queue)
	p.turns.MoveToBack(l.namespace.turn)
	l.namespace.turns.MoveToBack(l.turnAmong)
	l.room.turns.MoveToBack(l.turn)
	l.turns.MoveToBack(q.turn)
	w := q.reads.Front().Value.(*waiter)
	p.dequeue(w)
	p.give(w, l.namespace.name)
	return true
}

func (p *places) fits(r *room, namespace string) bool {
	return r.fits(namespace) && p.fitsAll(namespace)
}

// fitsAll reports whether a namespace may have one more place, as far as that depends on the reads of
// all domains.
func (p *places) fitsAll(namespace string) bool {
	return p.all.fits(namespace) && p.burst.fits(namespace)
}

// give gives a place to a read that is in no queue.
func (p *places) give(w *waiter, namespace string) {
	w.room.take(namespace, 1)
	p.all.take(namespace, 1)
	w.holder, w.young = namespace, true
	p.burst.begin(namespace)
	w.ages = time.AfterFunc(youth, func() { p.aged(w) })
	close(w.given)
}

// enqueue adds a waiting read to the end of the queue of a mount.
func (p *places) enqueue(w *waiter, m *Mount) {
	n := p.waiting[m.namespace]
	if n == nil {
		n = &namespace{name: m.namespace, lines: map[*room]*line{}, turns: list.New()}
		n.turn = p.turns.PushBack(n)
		p.waiting[n.name] = n
	}
	l := n.lines[w.room]
	if l == nil {
		l = &line{namespace: n, room: w.room, queues: map[*Mount]*queue{}, turns: list.New()}
		l.turn, l.turnAmong = w.room.turns.PushBack(l), n.turns.PushBack(l)
		n.lines[w.room] = l
	}
	q := l.queues[m]
	if q == nil {
		q = &queue{mount: m, reads: list.New()}
		q.turn = l.turns.PushBack(q)
		l.queues[m] = q
	}
	w.queued = append(w.queued, entry{l, q, q.reads.PushBack(w)})
}

// dequeue takes a waiting read out of all its queues, and drops what is empty then.
func (p *places) dequeue(w *waiter) {
	for _, s := range w.queued {
		l, n := s.line, s.line.namespace
		if s.queue.reads.Remove(s.place); s.queue.reads.Len() > 0 {
			continue
		}
		l.turns.Remove(s.queue.turn)
		if delete(l.queues, s.queue.mount); len(l.queues) > 0 {
			continue
		}
		l.room.turns.Remove(l.turn)
		n.turns.Remove(l.turnAmong)
		if delete(n.lines, l.room); len(n.lines) > 0 {
			continue
		}
		p.turns.Remove(n.turn)
		delete(p.waiting, n.name)
	}
	w.queued = nil
}
