// SPDX-License-Identifier: Apache-2.0

// Package events writes a Kubernetes Event at a pod when a renewal of its files begins to fail,
// while it keeps failing, and when it works again. The driver hides failed renewals.
//
// A Recorder compares what it last wrote of a volume with the volume's newest mount, and writes
// the difference. So a slow or failing API server loses nothing that still is true, and nothing
// waits for it.
package events

import (
	"context"
	"crypto/sha256"
	"strings"
	"sync"
	"time"

	"ovhcloud-csi-provider/server/kube"
)

// Counts is what became of events.
type Counts struct {
	// Sent is how many the API server accepted.
	Sent int64
	// Over is how many were not sent because the volume's state had changed back before.
	Over int64
	// Refused is how many the API server refused.
	Refused int64
	// Full is how often there was no room for one.
	Full int64
}

// Recorder writes events. Its methods may be called concurrently.
type Recorder struct {
	api  *kube.API
	node string
	wake chan struct{} // has an element if something waits

	mu      sync.Mutex
	volumes *volumes
	queue   *queue
	counts  Counts
}

// New returns a Recorder for the pods of a node. node may be empty. Run writes the events.
func New(api *kube.API, node string) *Recorder {
	return &Recorder{api: api, node: node, wake: make(chan struct{}, 1), volumes: newVolumes(), queue: newQueue()}
}

// Counts returns what became of events until now.
func (r *Recorder) Counts() Counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counts
}

// Observe takes note of a mount. It does not wait for the API server. A failure of a volume that
// was never given files is ignored: kubelet writes an event of its own for it, since the pod
// cannot start.
func (r *Recorder) Observe(m Mount) {
	key := sha256.Sum256([]byte(m.Target))
	r.mu.Lock()
	defer r.mu.Unlock()
	v := r.volumes.get(key)
	switch {
	case v == nil && m.Kind == "":
		if lost := r.volumes.add(key); lost != nil && lost.waiting != nil {
			r.queue.remove(lost.waiting)
			r.counts.Full++
		}
		return
	case v == nil || v.sending:
		return // the next mount shows the state again
	case m.Kind == "":
		v.failures = 0
	default:
		v.failures++
	}
	r.compare(v, m)
}

// compare queues an event if the newest mount of a volume differs from what was written of it.
// r.mu is held.
func (r *Recorder) compare(v *volume, m Mount) {
	now := time.Now()
	same := m.Kind == v.written
	switch {
	case v.waiting != nil && same && !v.waiting.exists: // it changed back
		r.queue.remove(v.waiting)
		v.waiting = nil
		r.counts.Over++
	case v.waiting != nil:
		v.waiting.say(v, m)
	case same && (m.Kind == "" || now.Sub(v.last) < repeat), !same && now.Sub(v.last) < pause:
	default:
		r.enqueue(v, m, now)
	}
}

// enqueue adds an event of a volume. r.mu is held.
func (r *Recorder) enqueue(v *volume, m Mount, now time.Time) {
	v.last = now
	if !kube.IsName(m.Namespace) || !kube.IsName(m.Pod) || strings.Contains(m.Namespace, ".") {
		r.counts.Refused++ // Kubernetes has no such pod
		return
	}
	n := newNotice(v, m, now)
	if !r.queue.add(n) {
		r.counts.Full++
		return
	}
	v.waiting = n
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// take returns the next event, which counts as being sent; nil if none waits.
func (r *Recorder) take() *notice {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.queue.next()
	if n != nil {
		n.of.sending = true
	}
	return n
}

// done takes note of the outcome of an event that was taken. If the same request may succeed
// later, the event waits again.
func (r *Recorder) done(n *notice, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v := n.of
	v.sending = false
	if err != nil && kube.Passes(err) && r.queue.add(n) {
		return
	}
	v.waiting, v.last = nil, time.Now()
	switch {
	case err == nil:
		r.counts.Sent++
		v.written, v.event = n.kind, n.event
	case kube.Passes(err):
		r.counts.Full++
	default:
		r.counts.Refused++
	}
}

// Run writes events until ctx ends. Those that wait then are lost: their volumes are mounted again
// within minutes.
func (r *Recorder) Run(ctx context.Context) {
	s := newSender(r.api, r.node)
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		}
		for {
			if !s.turn(ctx) {
				return
			}
			n := r.take()
			if n == nil {
				s.tokens++ // the turn was not used
				break
			}
			err := s.write(ctx, n)
			if ctx.Err() != nil {
				return
			}
			r.done(n, err)
			s.report(err)
			if err != nil && kube.Passes(err) && !s.backoff.Wait(ctx, err) {
				return
			}
		}
	}
}
