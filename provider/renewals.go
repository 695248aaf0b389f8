// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"container/list"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// mostVolumes is how many volumes are remembered, of about 200 bytes each. A node has at most a
// few hundred.
const mostVolumes = 4000

// volumes are the volumes that were given files, the least recently mounted ones forgotten. The
// driver does not say whether a mount is a pod's first one (driver 1.6: CurrentObjectVersion is
// always empty). The first mount after a start of the daemon counts as a pod's first.
type volumes struct {
	mu     sync.Mutex
	places map[volume]*list.Element // of volume
	recent *list.List               // the most recently mounted first
}

// volume is a hash of where a volume is on the node and of everything that its class and its pod
// say: after a change of the class, a mount is a first one again.
type volume [sha256.Size]byte

func newVolumes() *volumes { return &volumes{places: map[volume]*list.Element{}, recent: list.New()} }

func (r Request) volume() volume {
	h := sha256.New()
	fmt.Fprintf(h, "%d:%s,", len(r.Target), r.Target)
	for _, name := range slices.Sorted(maps.Keys(r.Attributes)) {
		fmt.Fprintf(h, "%d:%s,%d:%s,", len(name), name, len(r.Attributes[name]), r.Attributes[name])
	}
	return volume(h.Sum(nil))
}

// has reports whether a volume was given files.
func (v *volumes) has(one volume) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.places[one] != nil
}

// note remembers that a volume was given files.
func (v *volumes) note(one volume) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if place := v.places[one]; place != nil {
		v.recent.MoveToFront(place)
		return
	}
	v.places[one] = v.recent.PushFront(one)
	if v.recent.Len() > mostVolumes {
		delete(v.places, v.recent.Remove(v.recent.Back()).(volume))
	}
}
