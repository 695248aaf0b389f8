// SPDX-License-Identifier: Apache-2.0

package simulation

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// attempts is how often one read may ask: once, and four retries.
const attempts = 5

// asked judges what the stores were asked: not without a mount that wants it, equal reads once, no
// retry after a refusal, no more retries than are allowed, no read while a value is fresh, and no
// read while a store has asked for a pause.
func (m *model) asked() {
	byRead := map[reading][]*Request{}
	for _, q := range m.Requests {
		if q.Op == "read" {
			key := reading{holder{q.Daemon, q.Store, q.Cred, q.Ref.path}, q.Ref.version}
			byRead[key] = append(byRead[key], q)
		}
	}
	for key, all := range byRead {
		wanted := m.wanted[key]
		for i, q := range all {
			m.mayAsk(key, wanted, all[:i], q)
		}
		m.mostAttempts(key, wanted, all)
	}
	m.pauses()
	m.outages()
}

func (m *model) ask(q *Request, rule, format string, args ...any) {
	m.violate(q.Arrived, rule, "a request of daemon %d with %s to %s for %s %s", q.Daemon, q.Cred, q.Store, q.Ref,
		fmt.Sprintf(format, args...))
}

// mayAsk judges a request by those for the same before it.
func (m *model) mayAsk(key reading, wanted []*Mount, before []*Request, q *Request) {
	live := func(x *Mount) bool { return x.Start <= q.Arrived && q.Arrived <= x.End }
	if q.Cred == "" || !slices.ContainsFunc(wanted, live) {
		m.ask(q, "asked for nothing", "has no mount that wants it")
		return
	}
	for _, b := range before {
		if b.Ended > q.Arrived && b.Arrived < q.Arrived && !m.refusedBetween(b, b.Arrived-mountTime, q.Arrived) {
			m.ask(q, "asked twice", "came while an equal one was in progress since %s", b.Arrived)
		}
	}
	if len(before) == 0 {
		return
	}
	last := before[len(before)-1]
	fresh := q.Arrived > last.Ended && last.ok() && m.quiet(key.daemon) && m.node0(q)-last.Node < min(m.TTL, settled)
	if every, due := m.isDue(wanted, before, q); due && last.ok() && m.quiet(key.daemon) && m.node0(q)-last.Node < every {
		m.ask(q, "asked before it is due", "came %s after a value that lasts %s", q.Arrived-last.Ended, every)
	}
	switch {
	case fresh && !m.refusedBetween(last, last.Arrived-mountTime, q.Arrived):
		m.ask(q, "asked while fresh", "came %s after a value", q.Arrived-last.Ended)
	case last.scope() != ofNothing && !q.resent(last) && !slices.ContainsFunc(wanted, func(x *Mount) bool {
		return live(x) && (x.Start >= last.Ended || m.rounds(x) > 1)
	}) && !m.refusedBetween(last, last.Arrived-2*mountTime, last.Ended-1): // else another read was not joined
		m.ask(q, "asked after a refusal", "came after the refusal at %s, and no mount has begun since", last.Ended)
	}
}

// resent reports whether a request only repeats the one before it, within one attempt: with another
// access token, or, as net/http does, over another connection after one that it kept was closed.
func (q *Request) resent(last *Request) bool {
	return strings.HasPrefix(q.Cred, "cli-") && last.Status == 401 || !last.Answered && last.Ended == q.Arrived
}

// dialled reports whether a request may repeat the one before it over a connection that took long to
// open.
func (m *model) dialled(last, q *Request) bool {
	return !last.Answered && slices.ContainsFunc(m.Troubles, func(t Trouble) bool {
		return t.Hole && t.At >= last.Ended && t.At <= q.Arrived
	})
}

// quiet reports whether nothing keeps a daemon from keeping values.
func (m *model) quiet(daemon int) bool {
	return m.Cache == 0 && len(m.Jumps) == 0 &&
		!slices.ContainsFunc(m.Pressures, func(p Pressure) bool { return p.Daemon == daemon })
}

// node0 returns the node's clock at the arrival of a request, if it has not jumped.
func (m *model) node0(q *Request) time.Duration { return q.Arrived }

// refusedBetween reports whether a refusal about a request came in a time.
func (m *model) refusedBetween(q *Request, from, to time.Duration) bool {
	return slices.ContainsFunc(m.refusals[q.Cred], func(no *Request) bool {
		return no.Daemon == q.Daemon && no.Ended >= from && no.Ended <= to && no.concerns(q)
	})
}

// mostAttempts judges how often a read was tried: by the groups of mounts that overlap and want it.
func (m *model) mostAttempts(key reading, wanted []*Mount, all []*Request) {
	if len(m.Pressures) > 0 || len(wanted) == 0 {
		return
	}
	wanted = slices.Clone(wanted)
	slices.SortFunc(wanted, func(a, b *Mount) int { return int(a.Start - b.Start) })
	for len(wanted) > 0 {
		from, to, n := wanted[0].Start, wanted[0].End, 0
		most := 0
		for n < len(wanted) && wanted[n].Start <= to {
			to = max(to, wanted[n].End)
			most += attempts * m.rounds(wanted[n])
			n++
		}
		wanted = wanted[n:]
		count := 0
		var last *Request
		for _, q := range all {
			if q.Arrived < from || q.Arrived > to {
				continue
			}
			if last == nil || !q.resent(last) && !m.dialled(last, q) {
				count++
			}
			last = q
		}
		if count > most {
			m.ask(last, "asked too often", "is the %d. for %d mounts", count, n)
		}
	}
}

// rounds is how often a mount may begin a read: with a fallback it may ask the connection itself
// once more at the end.
func (m *model) rounds(x *Mount) int {
	if name, over := connectionOf(x.Class); over && x.View.connections[name].fallback != "" {
		return 3
	}
	return 1
}

// pauses judges that a store which asks for a pause of at most 30 seconds gets it.
func (m *model) pauses() {
	if len(m.Jumps) > 0 {
		return
	}
	for _, p := range m.Requests {
		if p.RetryAfter == 0 || p.RetryAfter > 30*time.Second || p.Op != "read" || !p.Answered {
			continue
		}
		for _, q := range m.Requests {
			if q.Daemon == p.Daemon && q.Store == p.Store && q.Cred == p.Cred && q.Op == "read" &&
				q.Arrived > p.Ended && q.Arrived < p.Ended+p.RetryAfter && !m.repeats(q) {
				m.ask(q, "asked in a pause", "came %s after an answer that asked for %s", q.Arrived-p.Ended, p.RetryAfter)
				return
			}
		}
	}
}

// repeats reports whether a request only repeats one before it, soon after that or as soon as the access token
// that it waits for has come.
func (m *model) repeats(q *Request) bool {
	return slices.ContainsFunc(m.answers[holder{q.Daemon, q.Store, q.Cred, q.Ref.path}], func(b *Request) bool {
		return b != q && b.Ref == q.Ref && b.Ended <= q.Arrived && (!b.Answered || q.resent(b)) &&
			(q.Arrived-b.Ended < time.Second || m.tokenCame(b, q))
	})
}

// tokenCame reports whether an access token was asked for at once after a refusal, and came just before a
// request.
func (m *model) tokenCame(refused, q *Request) bool {
	return refused.Status == 401 && slices.ContainsFunc(m.Requests, func(r *Request) bool {
		return r.Op == "token" && r.Answered && r.Daemon == q.Daemon && r.Cred == q.Cred && r.Arrived >= refused.Ended &&
			r.Arrived-refused.Ended < time.Second && r.Ended <= q.Arrived && q.Arrived-r.Ended < time.Second
	})
}

// How many mounts in a row may fail with a credential at a store until its circuit breaker opens,
// and how long it is open at least.
const (
	tripAfter = 3
	openFor   = time.Second
)

// outages judges that a store which fails is left alone: if the reads of three mounts in a row have
// failed, there are none for a second.
func (m *model) outages() {
	if len(m.Jumps) > 0 {
		return
	}
	byHolder := map[holder][]*Request{}
	for _, q := range m.Requests {
		if q.Op == "read" {
			h := holder{daemon: q.Daemon, store: q.Store, cred: q.Cred}
			byHolder[h] = append(byHolder[h], q)
		}
	}
	for _, all := range byHolder {
		for _, at := range m.openings(all) {
			for _, q := range all {
				closed := slices.ContainsFunc(all, func(b *Request) bool {
					return b.Answered && !b.fails() && b.Ended >= at && b.Ended <= q.Arrived
				})
				if q.Arrived > at && q.Arrived < at+openFor && !closed && !m.repeats(q) {
					m.ask(q, "asked in an outage", "came %s after the third mount in a row had failed", q.Arrived-at)
				}
			}
		}
	}
}

// openings returns when the circuit breaker of a credential at a store must have opened, as far as it
// is plain whose reads have failed. all are the reads with it, which it sorts by their ends.
func (m *model) openings(all []*Request) (at []time.Duration) {
	slices.SortStableFunc(all, func(a, b *Request) int { return int(a.Ended - b.Ended) })
	// A mount counts once, also if another of its reads got an answer. One whose pod is gone may have
	// left its reads to others.
	var failed, counted []*Mount
	shared := -openFor // when a read failed last that is not plain whose it was
	for _, q := range all {
		switch {
		case q.fails():
			x := m.onlyMount(q)
			if x == nil {
				shared = q.Ended
			} else if !x.Left && !slices.Contains(counted, x) {
				failed, counted = append(failed, x), append(counted, x)
			}
		case q.Answered:
			failed = nil
		}
		if len(failed) == tripAfter && q.Ended-shared >= openFor { // else it may have opened with the shared read
			at = append(at, q.Ended)
		}
		if len(failed) >= tripAfter {
			failed = append(failed, nil) // it stays open, or tries, until an answer comes
		}
	}
	return at
}

// fails reports whether an answer says that the store fails.
func (q *Request) fails() bool {
	return q.Answered && (q.Status == 429 || q.Status >= 500 || q.Fault == "page:403" || q.Fault == "page:404")
}

// onlyMount returns the mount that a read was for, nil if there may be several.
func (m *model) onlyMount(q *Request) (only *Mount) {
	for _, x := range m.wanted[reading{holder{q.Daemon, q.Store, q.Cred, q.Ref.path}, q.Ref.version}] {
		if x.Start > q.Arrived || x.End < q.Arrived {
			continue
		}
		if only != nil {
			return nil
		}
		only = x
	}
	return only
}

// restOf judges what a daemon holds when all pods are gone for a minute: only clients of stores.
func (w *world) restOf(d *daemon) {
	for name, stage := range stages {
		if used := d.budget.UsedBy(stage); used != 0 && name != "clients" {
			w.violate(w.now(), "rest", "all pods are gone, and %d bytes are counted for %s", used, name)
		}
	}
	for _, q := range w.Requests {
		if q.Ended == 0 {
			w.violate(w.now(), "rest", "a request of %s is in progress since %s", q.Cred, q.Arrived)
		}
	}
}
