// SPDX-License-Identifier: Apache-2.0

package events

import "slices"

// queue are the events that wait. Namespaces take turns, and each has at most as many as there is
// room left: one alone has half, two have a third each.
type queue struct {
	of    map[string][]*notice // by namespace, the oldest first; none is empty
	turns []string             // the namespaces of of, the next one first
	n     int
}

func newQueue() *queue { return &queue{of: map[string][]*notice{}} }

// add adds an event at the end of its namespace's. It returns false if there is no room.
func (q *queue) add(n *notice) bool {
	waiting := q.of[n.namespace]
	if len(waiting)+1 > mostWaiting-q.n-1 {
		return false
	}
	if len(waiting) == 0 {
		q.turns = append(q.turns, n.namespace)
	}
	q.of[n.namespace] = append(waiting, n)
	q.n++
	return true
}

// next removes and returns the next event, or returns nil.
func (q *queue) next() *notice {
	if q.n == 0 {
		return nil
	}
	namespace := q.turns[0]
	n := q.of[namespace][0]
	q.remove(n)
	if q.of[namespace] != nil { // it waits for its next turn
		q.turns = append(q.turns[1:], namespace)
	}
	return n
}

// remove removes an event that waits.
func (q *queue) remove(n *notice) {
	waiting := q.of[n.namespace]
	i := slices.Index(waiting, n)
	if i < 0 {
		return
	}
	q.n--
	if q.of[n.namespace] = slices.Delete(waiting, i, i+1); len(waiting) > 1 {
		return
	}
	delete(q.of, n.namespace)
	q.turns = slices.DeleteFunc(q.turns, func(other string) bool { return other == n.namespace })
}
