// SPDX-License-Identifier: Apache-2.0

package read

import (
	"container/list"
	"crypto/sha256"
	"sync"

	"ovhcloud-csi-provider/provider/okms"
)

// mostKnown is how many secrets are remembered, of about 400 bytes each.
const mostKnown = 2000

// known remembers which version each secret of a connection with a fallback was last read
// at, and a hash of its text. If the fallback gives the same text, the files have the same
// versions: controllers that restart workloads when a version changes must not restart a
// cluster because a region is unavailable.
//
// It is empty after a start of the daemon, and evicts the least recently read secret. What
// the fallback gives for others has a version of its own.
type known struct {
	mu     sync.Mutex
	places map[knownKey]*list.Element // of *knownSecret
	recent *list.List                 // the most recently read first
}

// knownKey is a secret of the first domain, as one credential reads it.
type knownKey struct {
	credential           [sha256.Size]byte
	endpoint, okmsID, at string
}

type knownSecret struct {
	key     knownKey
	text    [sha256.Size]byte
	version int
	created string
}

func newKnown() *known { return &known{places: map[knownKey]*list.Element{}, recent: list.New()} }

func (s source) known(path string) knownKey {
	return knownKey{s.Credential, s.Domain.Endpoint, s.Domain.ID, path}
}

// note remembers a secret that the first domain gave.
func (k *known) note(s source, ref okms.Ref, secret okms.Secret) {
	if ref.What != okms.Data {
		return
	}
	key := s.known(secret.Path)
	k.mu.Lock()
	defer k.mu.Unlock()
	one := &knownSecret{key, sha256.Sum256(secret.Data.Reveal()), secret.Version, secret.Created}
	if place := k.places[key]; place != nil {
		place.Value = one
		k.recent.MoveToFront(place)
		return
	}
	k.places[key] = k.recent.PushFront(one)
	if k.recent.Len() > mostKnown {
		oldest := k.recent.Back()
		k.recent.Remove(oldest)
		delete(k.places, oldest.Value.(*knownSecret).key)
	}
}

// same returns the version of the first domain that has the same text as a secret of the
// fallback. It returns nil if the text differs or none is known.
func (k *known) same(s source, secret okms.Secret) *knownSecret {
	k.mu.Lock()
	defer k.mu.Unlock()
	place := k.places[s.known(secret.Path)]
	if place == nil {
		return nil
	}
	one := place.Value.(*knownSecret)
	if one.text != sha256.Sum256(secret.Data.Reveal()) {
		return nil
	}
	return one
}
