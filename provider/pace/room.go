package pace

import (
	"context"
	"slices"
	"sync"
	"time"
)

// room bounds the reads of one domain that are under way, and shares places out
// fairly: mounts that wait take turns, however many reads each of them has.
type room struct {
	mu   sync.Mutex
	free int
	// queues are the waiting reads by mount. The mount whose turn it is stands
	// first. None is empty.
	queues []*queue
}

type queue struct {
	mount   *Mount
	waiting []*waiter
}

// waiter is one read's wait for a place. It stands in the queues of all mounts that
// want the read, and stays there when it is over, until it would be its turn.
type waiter struct {
	given chan struct{} // closed when the place is
	over  bool          // the place was given, or is not wanted any more
}

// Turn is a read's place in line. What it holds is under the room's mutex.
type Turn struct {
	others  []*Mount // that want the read beside the one which began it
	current *waiter  // nil before the first
}

func newRoom(places int) *room { return &room{free: places} }

// enter takes a place, after a wait if need be. It says false if ctx was done
// first, or so nearly that less than least of its time is left; otherwise the
// caller leaves later.
func (r *room) enter(ctx context.Context, a Asker, least time.Duration) bool {
	w := r.line(a)
	if w == nil {
		return true
	}
	select {
	case <-w.given:
		if deadline, bounded := ctx.Deadline(); !bounded || time.Until(deadline) > least {
			return true
		}
		r.leave()
	case <-ctx.Done():
		if !r.unline(w) {
			r.leave() // the place was given meanwhile
		}
	}
	return false
}

// line takes a free place, and gives nil, or stands in line for one.
func (r *room) line(a Asker) *waiter {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.free > 0 {
		r.free--
		return nil
	}
	w := &waiter{given: make(chan struct{})}
	a.Turn.current = w
	r.queue(a.Mount, w)
	for _, m := range a.Turn.others {
		r.queue(m, w)
	}
	return w
}

// queue puts a wait at the end of a mount's queue. r.mu is held.
func (r *room) queue(m *Mount, w *waiter) {
	for _, q := range r.queues {
		if q.mount == m {
			q.waiting = append(q.waiting, w)
			return
		}
	}
	r.queues = append(r.queues, &queue{mount: m, waiting: []*waiter{w}})
}

// share makes a read's place in line another mount's, too.
func (r *room) share(a Asker, with *Mount) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if with == a.Mount || slices.Contains(a.Turn.others, with) {
		return
	}
	a.Turn.others = append(a.Turn.others, with)
	if w := a.Turn.current; w != nil && !w.over {
		r.queue(with, w)
	}
}

// unline gives up a wait, if the place was not given yet.
func (r *room) unline(w *waiter) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := w.over
	w.over = true
	return !before
}

// leave gives the place to the mount whose turn it is; it stands last then.
func (r *room) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.queues) > 0 {
		q := r.queues[0]
		r.queues = slices.Delete(r.queues, 0, 1)
		w := q.next()
		if len(q.waiting) > 0 {
			r.queues = append(r.queues, q)
		}
		if w != nil {
			w.over = true
			close(w.given)
			return
		}
	}
	r.free++
}

// next takes the first wait that is not over out of a queue; nil if there is none.
func (q *queue) next() *waiter {
	for len(q.waiting) > 0 {
		w := q.waiting[0]
		q.waiting = q.waiting[1:]
		if !w.over {
			return w
		}
	}
	return nil
}
