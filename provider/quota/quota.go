// Package quota shares a number of bytes or of places among namespaces, so that the sum
// of what all hold is bounded and no namespace can keep the others from their part.
//
// It knows nothing of what is counted.
package quota

import (
	"container/list"
	"context"
	"sync"
)

// Quota is a number of units that many hold at once.
//
// A namespace may hold as much as stays free after it. One alone so has half at the most,
// two have a third each, and there is always something left for another one (the "dynamic
// threshold" of shared switch memory, Choudhury and Hahne 1998).
//
// It starts no goroutine. Any number of goroutines may use it at once.
type Quota struct {
	total     int64
	firstFits bool
	grown     func() // may be nil

	mu   sync.Mutex
	used int64
	held map[string]int64 // by namespace; none is 0
	line line
}

// Options of a Quota. The zero value works.
type Options struct {
	// FirstFits says that the first holding of a namespace needs only to fit. It is for
	// what ends soon and may be more than a half.
	FirstFits bool
	// Grown is called after units were taken, but not under the lock, from the goroutine
	// that took them or gave others back. nil calls nobody.
	Grown func()
}

// line is those who wait in one stage: the namespace whose turn it is stands first, and
// within it who waits longest. No queue is empty.
type line struct {
	turns *list.List // of *queue
	of    map[string]*list.Element
}

type queue struct {
	who     string
	waiting *list.List // of *waiter
}

type waiter struct {
	n     int64
	given chan struct{} // closed when the units are
}

// New makes a Quota of so many units.
func New(total int64, o Options) *Quota {
	return &Quota{total: total, firstFits: o.FirstFits, grown: o.Grown, held: map[string]int64{}, line: line{list.New(), map[string]*list.Element{}}}
}

// Take takes n units for a namespace, if that is possible at once. Who stands in line
// goes first.
func (q *Quota) Take(who string, n int64) (ok bool) {
	q.mu.Lock()
	if ok = q.line.of[who] == nil && q.fits(who, n); ok {
		q.add(who, n)
	}
	q.mu.Unlock()
	if ok {
		q.tell()
	}
	return ok
}

// TakeAny is Take for units of no namespace yet, which may have all there are.
func (q *Quota) TakeAny(n int64) (ok bool) {
	q.mu.Lock()
	if ok = q.used+n <= q.total; ok {
		q.add("", n)
	}
	q.mu.Unlock()
	if ok {
		q.tell()
	}
	return ok
}

// Wait takes n units in the namespace's turn, or says false when ctx is done first, or
// at once where it could never have so many.
func (q *Quota) Wait(ctx context.Context, who string, n int64) (ok bool) {
	if n > q.Most() {
		return false
	}
	if q.Take(who, n) {
		return true
	}
	w := &waiter{n: n, given: make(chan struct{})}
	place := q.stand(who, w)
	select {
	case <-w.given:
		return true
	case <-ctx.Done():
	}
	if q.unstand(who, place) {
		return false
	}
	q.Give(who, n) // it was given meanwhile
	return false
}

// Most is the most that one namespace can ever take at once.
func (q *Quota) Most() int64 {
	if q.firstFits {
		return q.total
	}
	return q.total / 2
}

// Give gives n units of a namespace back.
func (q *Quota) Give(who string, n int64) {
	q.mu.Lock()
	q.add(who, -n)
	grown := q.grant()
	q.mu.Unlock()
	if grown {
		q.tell()
	}
}

// Used is how many units all hold, and Held what a namespace holds.
func (q *Quota) Used() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.used
}

// Held: see Used.
func (q *Quota) Held(who string) int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.held[who]
}

// Total is how many units there are.
func (q *Quota) Total() int64 { return q.total }

func (q *Quota) tell() {
	if q.grown != nil {
		q.grown()
	}
}

// fits says whether a namespace may have n more. q.mu is held.
func (q *Quota) fits(who string, n int64) bool {
	free, held := q.total-q.used-n, q.held[who]
	return free >= 0 && (held+n <= free || q.firstFits && held == 0)
}

// add counts n more units of a namespace. q.mu is held.
func (q *Quota) add(who string, n int64) {
	q.used += n
	if q.held[who] += n; q.held[who] == 0 {
		delete(q.held, who)
	}
}

// stand puts a waiter at the end of its namespace's queue.
func (q *Quota) stand(who string, w *waiter) *list.Element {
	q.mu.Lock()
	defer q.mu.Unlock()
	turn := q.line.of[who]
	if turn == nil {
		turn = q.line.turns.PushBack(&queue{who, list.New()})
		q.line.of[who] = turn
	}
	place := turn.Value.(*queue).waiting.PushBack(w)
	q.grant() // units may have been given back since Take
	return place
}

// unstand takes a waiter out of its queue. It says false if that was given its units.
func (q *Quota) unstand(who string, place *list.Element) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case <-place.Value.(*waiter).given:
		return false
	default:
	}
	q.line.remove(q.line.of[who], place)
	q.grant() // who stood behind it may want less
	return true
}

// remove takes a waiter out of a queue, and the queue out of the line if it was the
// last one.
func (l line) remove(turn, place *list.Element) {
	of := turn.Value.(*queue)
	if of.waiting.Remove(place); of.waiting.Len() == 0 {
		l.turns.Remove(turn)
		delete(l.of, of.who)
	}
}

// grant gives units to those who wait, as far as they fit, namespace after namespace.
// q.mu is held.
func (q *Quota) grant() (any bool) {
	for again := true; again; {
		again = q.round()
		any = any || again
	}
	return any
}

// round gives each namespace that waits what its first waiter wants, if it fits. Who was
// given something stands last then.
func (q *Quota) round() (any bool) {
	next := q.line.turns.Front()
	for range q.line.turns.Len() {
		turn := next
		next = turn.Next()
		of := turn.Value.(*queue)
		place := of.waiting.Front()
		w := place.Value.(*waiter)
		if !q.fits(of.who, w.n) {
			continue
		}
		q.add(of.who, w.n)
		close(w.given)
		q.line.turns.MoveToBack(turn)
		q.line.remove(turn, place)
		any = true
	}
	return any
}
