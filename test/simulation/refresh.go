// SPDX-License-Identifier: Apache-2.0

package simulation

import (
	"math/rand/v2"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
)

// late is how long after a value was due its read still counts as one in the course of renewals, and a second less.
const late = 119 * time.Second

// withRefresh gives classes of some histories a refreshInterval. The draws are apart from the others, so that all other
// histories are those that they were.
func (g *generator) withRefresh() {
	if g.Seed%5 != 0 {
		return
	}
	own := rand.New(rand.NewPCG(g.Seed, 2))
	for i, e := range g.Events {
		if e.Verb == "class" && own.IntN(3) > 0 {
			every := []string{"refresh=2m", "refresh=4m", "refresh=6m"}[own.IntN(3)]
			g.Events[i].Args = append(slices.Clone(e.Args), every)
		}
	}
}

// same reports whether two states of a class say the same.
func (c Class) same(other Class) bool {
	return c.Place == other.Place && c.Refresh == other.Refresh && c.Invalid == other.Invalid &&
		slices.Equal(c.Objects, other.Objects)
}

// notes keeps the refreshInterval of each mount that renews a volume: its daemon gave the volume the files of this
// class before.
func (m *model) notes() {
	for i, x := range m.Mounts {
		if x.Class.Refresh > m.TTL && slices.ContainsFunc(m.Mounts[:i], func(y *Mount) bool {
			return y.Pod == x.Pod && y.Daemon == x.Daemon && y.Code == codes.OK && y.End < x.Start && y.Class.same(x.Class)
		}) {
			m.renewals[x] = x.Class.Refresh
		}
	}
}

// lasts returns for how long a mount is served a value without a read.
func (m *model) lasts(x *Mount) time.Duration { return max(m.TTL, m.renewals[x]) }

// isDue reports whether a value must last for the whole refreshInterval of all mounts that want it: it was read because
// the value before it was due. So a mount had that value, from memory, less than two minutes before.
func (m *model) isDue(wanted []*Mount, before []*Request, q *Request) (every time.Duration, is bool) {
	if len(before) < 2 || !before[len(before)-2].ok() {
		return 0, false
	}
	first, last := before[len(before)-2], before[len(before)-1]
	if m.refusedBetween(first, first.Arrived-mountTime, q.Arrived) {
		return 0, false
	}
	fromMemory := false
	for _, x := range wanted {
		if x.End < first.Arrived || x.Start > q.Arrived {
			continue
		}
		switch own := m.renewals[x]; {
		case every == 0:
			every = own
		case own != every:
			return 0, false
		}
		if name, over := connectionOf(x.Class); every == 0 || over && x.View.connections[name].fallback != "" {
			return 0, false
		}
		fromMemory = fromMemory || x.Start > first.Ended && x.End < last.Arrived && x.End > last.Arrived-late &&
			x.Code == codes.OK && !m.troubled(x, source{store: q.Store, cred: q.Cred}, anyTrouble)
	}
	return every, fromMemory
}
