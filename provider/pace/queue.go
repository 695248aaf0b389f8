package pace

import (
	"container/list"
	"context"
	"math"
	"slices"
	"sync"
	"time"
)

// places bounds the reads in progress, of each domain and of all together, and says
// whose turn it is. A read takes its place in its domain and its place among all at once
// or waits for both, so no read that waits holds what another one could use.
//
// Namespaces take turns, then a namespace's domains, then its mounts, however many reads
// each of them has.
type places struct {
	mu  sync.Mutex
	all pool
	// waiting are the namespaces with reads that wait, by name and in turns: whose turn
	// it is stands first.
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

// namespace is the waiting reads of a namespace, a line for each domain.
type namespace struct {
	name  string
	lines map[*room]*line
	turns *list.List // of *line
	turn  *list.Element
}

// line is the reads of one namespace that wait for one domain, a queue for each mount.
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

// waiter is one read's wait for a place. It stands in the queues of all mounts that want
// the read, and in none once it is over.
type waiter struct {
	room   *room
	stands []stand
	given  chan struct{} // closed when it has a place
	holder string        // the namespace that the place counts for
}

type stand struct {
	line  *line
	queue *queue
	place *list.Element
}

// Turn is a read's place in line. Its fields are under the mutex of places.
type Turn struct {
	others  []*Mount // that want the read besides the one which began it
	current *waiter  // nil before the first
}

// noBound is a number of places that is never reached.
const noBound = math.MaxInt32

func newPlaces(total int) *places {
	return &places{all: newPool(total), waiting: map[string]*namespace{}, turns: list.New()}
}

func newPool(n int) pool { return pool{free: n, held: map[string]int{}} }

func newRoom(n int) *room { return &room{pool: newPool(n), turns: list.New()} }

// mostOfFree is how many times as many places as stay free one namespace may hold: 15/16 of
// all if it is alone. Reads that hang so leave something for others.
const mostOfFree = 15

// fits says whether a namespace may take one more place. Its first one it may take
// wherever there is one.
func (p *pool) fits(namespace string) bool {
	return p.free > 0 && p.held[namespace]+1 <= max(1, mostOfFree*(p.free-1))
}

// take adds n places to those of a namespace, which may be -1.
func (p *pool) take(namespace string, n int) {
	p.free -= n
	if p.held[namespace] += n; p.held[namespace] == 0 {
		delete(p.held, namespace)
	}
}

// enter takes a place, after a wait if need be. ok is false if ctx was done first, or so
// nearly that less than least of its time is left. Otherwise the caller calls leave.
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

// line takes a place at once if one of the mounts that want the read may have it.
// Otherwise it puts the read into the queues of all.
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
		p.stand(w, m)
	}
	return w, false
}

// share makes the place in line of a read that a mount began another mount's, too.
func (p *places) share(turn *Turn, began, with *Mount) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if with == began || slices.Contains(turn.others, with) {
		return
	}
	turn.others = append(turn.others, with)
	w := turn.current
	switch {
	case w == nil || len(w.stands) == 0: // not in line
	case p.fits(w.room, with.namespace):
		p.unstand(w)
		p.give(w, with.namespace)
	default:
		p.stand(w, with)
	}
}

// giveUp ends a wait. It says false if the read has got a place.
func (p *places) giveUp(w *waiter) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(w.stands) == 0 {
		return false
	}
	p.unstand(w)
	return true
}

// leave gives a place back, and so to whose turn it is. Where there was none left among
// those of all domains, the turn is the next namespace's, wherever it reads; else the
// domain's own turns count, in which nobody is behind for what it reads elsewhere.
func (p *places) leave(w *waiter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	scarce := p.all.free == 0
	w.room.take(w.holder, -1)
	p.all.take(w.holder, -1)
	for !scarce && p.serveRoom(w.room) {
	}
	for p.serveAny() {
	}
}

// serveRoom gives a place in a domain to whose turn it is there.
func (p *places) serveRoom(r *room) bool {
	for turn := r.turns.Front(); turn != nil && r.free > 0; turn = turn.Next() {
		if p.serve(turn.Value.(*line)) {
			return true
		}
	}
	return false
}

// serveAny gives a place to whose turn it is among all. A namespace has no more lines
// that cannot be served than there are full domains.
func (p *places) serveAny() bool {
	for turn := p.turns.Front(); turn != nil && p.all.free > 0; turn = turn.Next() {
		n := turn.Value.(*namespace)
		for among := n.turns.Front(); among != nil && p.all.fits(n.name); among = among.Next() {
			if p.serve(among.Value.(*line)) {
				return true
			}
		}
	}
	return false
}

// serve gives a line's next read a place, if the line's namespace may have one. All whose
// turn it was stand last then.
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
	p.unstand(w)
	p.give(w, l.namespace.name)
	return true
}

func (p *places) fits(r *room, namespace string) bool {
	return r.fits(namespace) && p.all.fits(namespace)
}

// give gives a read that stands in no queue a place.
func (p *places) give(w *waiter, namespace string) {
	w.room.take(namespace, 1)
	p.all.take(namespace, 1)
	w.holder = namespace
	close(w.given)
}

// stand puts a wait at the end of a mount's queue.
func (p *places) stand(w *waiter, m *Mount) {
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
	w.stands = append(w.stands, stand{l, q, q.reads.PushBack(w)})
}

// unstand takes a wait out of all its queues, and with it what is empty then.
func (p *places) unstand(w *waiter) {
	for _, s := range w.stands {
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
	w.stands = nil
}
