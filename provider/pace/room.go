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
	waiting []chan struct{} // closed when the place is given
}

func newRoom(places int) *room { return &room{free: places} }

// enter takes a place, after a wait if need be. It says false if ctx was done
// first, or so nearly that less than least of its time is left; otherwise the
// caller leaves later.
func (r *room) enter(ctx context.Context, m *Mount, least time.Duration) bool {
	turn := r.line(m)
	if turn == nil {
		return true
	}
	select {
	case <-turn:
		if deadline, bounded := ctx.Deadline(); !bounded || time.Until(deadline) > least {
			return true
		}
		r.leave()
	case <-ctx.Done():
		if !r.unline(m, turn) {
			r.leave() // the place was given meanwhile
		}
	}
	return false
}

// line takes a free place, and gives nil, or stands in line for one.
func (r *room) line(m *Mount) chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.free > 0 {
		r.free--
		return nil
	}
	turn := make(chan struct{})
	for _, q := range r.queues {
		if q.mount == m {
			q.waiting = append(q.waiting, turn)
			return turn
		}
	}
	r.queues = append(r.queues, &queue{mount: m, waiting: []chan struct{}{turn}})
	return turn
}

// unline leaves the line, if the place was not given yet.
func (r *room) unline(m *Mount, turn chan struct{}) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, q := range r.queues {
		if at := slices.Index(q.waiting, turn); q.mount == m && at >= 0 {
			if q.waiting = slices.Delete(q.waiting, at, at+1); len(q.waiting) == 0 {
				r.queues = slices.Delete(r.queues, i, i+1)
			}
			return true
		}
	}
	return false
}

// leave gives the place to the mount whose turn it is; it stands last then.
func (r *room) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queues) == 0 {
		r.free++
		return
	}
	q := r.queues[0]
	r.queues = slices.Delete(r.queues, 0, 1)
	close(q.waiting[0])
	if q.waiting = q.waiting[1:]; len(q.waiting) > 0 {
		r.queues = append(r.queues, q)
	}
}
