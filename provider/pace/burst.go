// SPDX-License-Identifier: Apache-2.0

package pace

import "time"

// youth is for how long a read is young. A read takes processor time while it is young: a connection,
// a TLS handshake, an answer. An older one waits for its store.
const youth = 250 * time.Millisecond

// burst bounds the young reads of a namespace in a crowd, and while another namespace begins reads too
// (rule 7). A hundred that begin at once make hundreds of goroutines ready, behind which the mounts of
// others wait. The mutex of places guards it.
type burst struct {
	most    int            // of young reads
	extra   int            // how many more may be young just now, see leave
	crowded func() bool    // reports whether there is a crowd
	young   map[string]int // young reads, by namespace; none is 0
	// last are the two namespaces that got a place last, the later one first. The zero value is none.
	last [2]struct {
		namespace string
		at        time.Time
	}
}

func newBurst(most int, crowded func() bool) burst {
	return burst{most: most, crowded: crowded, young: map[string]int{}}
}

// fits reports whether a namespace may begin one more read.
func (b *burst) fits(namespace string) bool {
	return b.young[namespace] < b.most+b.extra || !b.company(namespace) || !b.crowded()
}

// company reports whether another namespace has begun a read within the time for which one is young.
func (b *burst) company(namespace string) bool {
	for _, other := range b.last {
		if other.namespace != namespace {
			return time.Since(other.at) < youth
		}
	}
	return false
}

// begin counts a read that has got its place.
func (b *burst) begin(namespace string) {
	b.young[namespace]++
	if b.last[0].namespace != namespace {
		b.last[1] = b.last[0]
	}
	b.last[0].namespace, b.last[0].at = namespace, time.Now()
}

// end takes off a young read, which is over or old now.
func (b *burst) end(namespace string) {
	if b.young[namespace]--; b.young[namespace] == 0 {
		delete(b.young, namespace)
	}
}
