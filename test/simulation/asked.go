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
}

func (m *model) ask(q *Request, rule, format string, args ...any) {
	m.violate(q.Arrived, rule, "a request of daemon %d with %s to %s for %s %s", q.Daemon, q.Cred, q.Store, q.Ref, fmt.Sprintf(format, args...))
}

// mayAsk judges a request by those for the same before it.
func (m *model) mayAsk(key reading, wanted []*Mount, before []*Request, q *Request) {
	live := func(x *Mount) bool { return x.Start <= q.Arrived && q.Arrived <= x.End }
	if q.Cred == "" || !slices.ContainsFunc(wanted, live) {
		m.ask(q, "asked for nothing", "has no mount that wants it")
		return
	}
	for _, b := range before {
		if b.Ended > q.Arrived && b.Arrived < q.Arrived && !m.refusedBetween(b, b.Arrived, q.Arrived) {
			m.ask(q, "asked twice", "came while an equal one was in progress since %s", b.Arrived)
		}
	}
	if len(before) == 0 {
		return
	}
	last := before[len(before)-1]
	resent := strings.HasPrefix(q.Cred, "cli-") && last.Status == 401 // with another access token
	fresh := q.Arrived > last.Ended && last.ok() && m.quiet(key.daemon) && m.node0(q)-last.Node < m.TTL
	switch {
	case fresh && !m.refusedBetween(last, last.Arrived-mountTime, q.Arrived):
		m.ask(q, "asked while fresh", "came %s after a value", q.Arrived-last.Ended)
	case last.scope() != ofNothing && !resent && !slices.ContainsFunc(wanted, func(x *Mount) bool {
		return live(x) && (x.Start >= last.Ended || m.rounds(x) > 1)
	}) && !m.refusedBetween(last, last.Arrived-2*mountTime, last.Ended-1): // else another read was not joined
		m.ask(q, "asked after a refusal", "came after the refusal at %s, and no mount has begun since", last.Ended)
	}
}

// quiet reports whether nothing keeps a daemon from keeping values.
func (m *model) quiet(daemon int) bool {
	return m.Cache == 0 && len(m.Jumps) == 0 && !slices.ContainsFunc(m.Pressures, func(p Pressure) bool { return p.Daemon == daemon })
}

// node0 returns the node's clock at the arrival of a request, if it has not jumped.
func (m *model) node0(q *Request) time.Duration { return q.Arrived }

// refusedBetween reports whether a refusal about a request came in a time.
func (m *model) refusedBetween(q *Request, from, to time.Duration) bool {
	return slices.ContainsFunc(m.refusals[q.Cred], func(no *Request) bool {
		return no.Daemon == q.Daemon && no.Ended >= from && no.Ended <= to
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
			if last == nil || last.Answered || last.Ended != q.Arrived { // else net/http repeats it
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
				q.Arrived > p.Ended && q.Arrived < p.Ended+p.RetryAfter && !strings.HasPrefix(q.Cred, "cli-") {
				m.ask(q, "asked in a pause", "came %s after an answer that asked for %s", q.Arrived-p.Ended, p.RetryAfter)
				return
			}
		}
	}
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
