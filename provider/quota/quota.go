// SPDX-License-Identifier: Apache-2.0

// Package quota provides a weighted semaphore that namespaces share: the sum of all units
// in use is bounded, and no namespace can take the share of the others.
//
// Callers decide what a unit is: a byte or a place.
package quota

import (
	"container/list"
	"context"
	"sync"
)

// Quota is a weighted semaphore with a fair share for each namespace.
//
// A namespace may hold at most as many units as remain free after it took them. One
// namespace alone can therefore hold half, two can hold a third each, and some units always
// remain for another one (the "dynamic threshold" of shared switch memory, Choudhury and
// Hahne 1998).
//
// It starts no goroutine. It is safe for concurrent use.
type Quota struct {
	total     int64
	firstFits bool
	grown     func() // may be nil

	mu   sync.Mutex
	used int64
	held map[string]int64 // by namespace; no entry is 0
	line line
}

// Options of a Quota. The zero value is valid.
type Options struct {
	// FirstFits exempts a namespace that holds nothing from its share: its request only has
	// to fit into the free units. It is for short uses that may need more than half.
	FirstFits bool
	// Grown is called after units were taken, without the lock held, by the goroutine that
	// took them or gave others back. It may be nil.
	Grown func()
}

// line holds the waiters: one queue for each namespace that waits. The queue whose turn it
// is comes first, and within a queue the oldest waiter. No queue is empty.
type line struct {
	turns *list.List // of *queue
	of    map[string]*list.Element
}

// queue holds the waiters of one namespace.
type queue struct {
	who     string
	waiting *list.List // of *waiter
}

// waiter is one call of Wait.
type waiter struct {
	n     int64         // units
	given chan struct{} // closed when the units are granted
}

// New returns a Quota of total units, all of them free.
func New(total int64, o Options) *Quota {
	return &Quota{total: total, firstFits: o.FirstFits, grown: o.Grown, held: map[string]int64{},
		line: line{list.New(), map[string]*list.Element{}}}
}

// Take takes n units for a namespace without waiting. It returns false, and takes nothing,
// if they do not fit or if others of the namespace are waiting: waiters go first.
func (q *Quota) Take(who string, n int64) (ok bool) {
	q.mu.Lock()
	if ok = q.line.of[who] == nil && q.fits(who, n); ok {
		q.add(who, n)
	}
	q.mu.Unlock()
	if ok {
		q.notify()
	}
	return ok
}

// TakeAny takes n units that belong to no namespace yet, without waiting. They may use up the
// Quota. It returns false, and takes nothing, if they do not fit. Give them back with the
// namespace "".
func (q *Quota) TakeAny(n int64) (ok bool) {
	q.mu.Lock()
	if ok = q.used+n <= q.total; ok {
		q.add("", n)
	}
	q.mu.Unlock()
	if ok {
		q.notify()
	}
	return ok
}

// Wait takes n units when it is the namespace's turn. It returns false, and takes nothing,
// if ctx is done first. If n exceeds Most, it returns false at once.
func (q *Quota) Wait(ctx context.Context, who string, n int64) (ok bool) {
	if n > q.Most() {
		return false
	}
	if q.Take(who, n) {
		return true
	}
	w := &waiter{n: n, given: make(chan struct{})}
	place := q.enqueue(who, w)
	select {
	case <-w.given:
		return true
	case <-ctx.Done():
	}
	if q.dequeue(who, place) {
		return false
	}
	q.Give(who, n) // granted meanwhile
	return false
}

// Most returns how many units one namespace can ever take at once.
func (q *Quota) Most() int64 {
	if q.firstFits {
		return q.total
	}
	return q.total / 2
}

// Give returns n units of a namespace to the Quota, and grants them to waiters.
func (q *Quota) Give(who string, n int64) {
	q.mu.Lock()
	q.add(who, -n)
	grown := q.grant()
	q.mu.Unlock()
	if grown {
		q.notify()
	}
}

// Used returns how many units all namespaces hold.
func (q *Quota) Used() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.used
}

// Held returns how many units a namespace holds.
func (q *Quota) Held(who string) int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.held[who]
}

// Total returns the size of the Quota in units.
func (q *Quota) Total() int64 { return q.total }

// notify calls Grown. q.mu is not held.
func (q *Quota) notify() {
	if q.grown != nil {
		q.grown()
	}
}

// fits reports whether a namespace may take n more units. q.mu is held.
func (q *Quota) fits(who string, n int64) bool {
	free, held := q.total-q.used-n, q.held[who]
	return free >= 0 && (held+n <= free || q.firstFits && held == 0)
}

// add counts n more units for a namespace; n may be negative. q.mu is held.
func (q *Quota) add(who string, n int64) {
	q.used += n
	if q.held[who] += n; q.held[who] == 0 {
		delete(q.held, who)
	}
}

// enqueue adds a waiter at the end of its namespace's queue, and grants what fits.
func (q *Quota) enqueue(who string, w *waiter) *list.Element {
	q.mu.Lock()
	turn := q.line.of[who]
	if turn == nil {
		turn = q.line.turns.PushBack(&queue{who, list.New()})
		q.line.of[who] = turn
	}
	place := turn.Value.(*queue).waiting.PushBack(w)
	grown := q.grant() // units may have been given back since Take
	q.mu.Unlock()
	if grown {
		q.notify()
	}
	return place
}

// dequeue removes a waiter from its queue. It returns false if its units were granted
// meanwhile.
func (q *Quota) dequeue(who string, place *list.Element) bool {
	q.mu.Lock()
	select {
	case <-place.Value.(*waiter).given:
		q.mu.Unlock()
		return false
	default:
	}
	q.line.remove(q.line.of[who], place)
	grown := q.grant() // the next waiter may want less
	q.mu.Unlock()
	if grown {
		q.notify()
	}
	return true
}

// remove removes a waiter from its queue, and an empty queue from the line.
func (l line) remove(turn, place *list.Element) {
	of := turn.Value.(*queue)
	if of.waiting.Remove(place); of.waiting.Len() == 0 {
		l.turns.Remove(turn)
		delete(l.of, of.who)
	}
}

// grant grants units to waiters, one namespace after the other, as long as any fit. It
// reports whether it granted any. q.mu is held.
func (q *Quota) grant() (any bool) {
	for again := true; again; {
		again = q.round()
		any = any || again
	}
	return any
}

// round grants each waiting namespace the units of its oldest waiter, if they fit, and
// moves that namespace to the end of the line (round robin). It reports whether it granted
// any. q.mu is held.
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
