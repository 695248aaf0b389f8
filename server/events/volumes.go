// SPDX-License-Identifier: Apache-2.0

package events

import (
	"container/list"
	"crypto/sha256"
	"time"
)

// volume is what is known of a volume that was given files.
type volume struct {
	key      [sha256.Size]byte // of its path
	written  string            // the kind of the failure that was last written, "" if none is
	event    string            // the name of the Event that says so
	failures int               // mounts that failed since the last one that succeeded
	last     time.Time         // when an event was last tried, written or left out
	waiting  *notice           // nil if none waits
	sending  bool              // waiting is with the API server
}

// volumes are the volumes that were given files, of which the least recently mounted are
// forgotten. After a restart of the daemon, a volume is known from its first success on.
type volumes struct {
	of     map[[sha256.Size]byte]*list.Element // of *volume
	recent *list.List                          // the most recently mounted first
}

func newVolumes() *volumes {
	return &volumes{of: map[[sha256.Size]byte]*list.Element{}, recent: list.New()}
}

// get returns a volume, or nil.
func (v *volumes) get(key [sha256.Size]byte) *volume {
	found := v.of[key]
	if found == nil {
		return nil
	}
	v.recent.MoveToFront(found)
	return found.Value.(*volume)
}

// add adds a volume, and returns the one that is forgotten for it, or nil.
func (v *volumes) add(key [sha256.Size]byte) (forgotten *volume) {
	v.of[key] = v.recent.PushFront(&volume{key: key})
	if v.recent.Len() <= mostVolumes {
		return nil
	}
	forgotten = v.recent.Remove(v.recent.Back()).(*volume)
	delete(v.of, forgotten.key)
	return forgotten
}
