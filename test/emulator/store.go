// SPDX-License-Identifier: Apache-2.0

package emulator

import (
	"cmp"
	"net/http"
	"slices"
	"time"
)

const (
	maxVersionNumber   = 24000
	defaultMaxVersions = 10
	// maxDataSize is the largest data of one version in bytes. OVHcloud documents 64 KB;
	// that this is 65536 bytes of JSON text is inferred.
	maxDataSize = 64 << 10
)

// State is the state of one version of a secret.
type State string

// States of a version. Vault calls Deactivated "deleted" and Deleted
// "destroyed".
const (
	Active      State = "active"
	Deactivated State = "deactivated" // unreadable until reactivated
	Deleted     State = "deleted"     // the data is permanently deleted
)

// settings are the settings of a secret or of the domain; nil means not set.
type settings struct {
	casRequired *bool
	deleteAfter *string // as written: OKMS returns "1d" as "1d"
	maxVersions *uint32 // 0 means the default
}

type secret struct {
	path             string
	created, updated time.Time
	current          uint32
	oldest           uint32 // 0 until a version was pruned
	versions         map[uint32]*version
	expiring         bool              // a version has expires, or had it
	custom           map[string]string // nil for none
	settings         settings
}

type version struct {
	number      uint32
	created     time.Time
	state       State
	data        []byte    // nil for a deleted version
	deactivated time.Time // when it left Active; zero for never
	expires     time.Time // when it is deactivated automatically; zero for never
}

// store holds the secrets of a domain. The mutex of the Emulator guards it.
type store struct {
	secrets  map[string]*secret
	paths    []string // of the secrets, sorted: lists have many pages
	defaults settings
}

func newStore() *store { return &store{secrets: map[string]*secret{}} }

// add adds a secret, or replaces the one with its path.
func (s *store) add(sec *secret) {
	if at, known := slices.BinarySearch(s.paths, sec.path); !known {
		s.paths = slices.Insert(s.paths, at, sec.path)
	}
	s.secrets[sec.path] = sec
}

// following returns the paths after a path, sorted. The caller must not change them.
func (s *store) following(path string) []string {
	at, known := slices.BinarySearch(s.paths, path)
	if known {
		at++
	}
	return s.paths[at:]
}

// get returns a secret, after it has deactivated its versions that have expired.
func (s *store) get(path string, now time.Time) (*secret, error) {
	sec, ok := s.secrets[path]
	if !ok {
		return nil, errNoSecret(path)
	}
	if !sec.expiring {
		return sec, nil
	}
	for _, v := range sec.versions {
		if v.state == Active && !v.expires.IsZero() && !now.Before(v.expires) {
			v.state, v.deactivated = Deactivated, v.expires
		}
	}
	return sec, nil
}

// version returns one version of the secret; 0 is the current one.
func (sec *secret) version(n uint32) (*version, error) {
	if n == 0 {
		n = sec.current
	}
	v, ok := sec.versions[n]
	if !ok {
		return nil, errNoVersion(sec.path, n)
	}
	return v, nil
}

// checkCAS compares cas with the current version. nil means that it was not sent; 0 requires that
// the secret does not exist.
func (s *store) checkCAS(path string, cas *uint32) error {
	current := uint32(0)
	required := deref(s.defaults.casRequired)
	if sec, ok := s.secrets[path]; ok {
		current = sec.current
		required = required || deref(sec.settings.casRequired)
	}
	switch {
	case cas == nil && required:
		return refusef(http.StatusBadRequest, codeSecretBadCAS, "cas is required to write secret %q", path)
	case cas != nil && *cas != current:
		return refusef(http.StatusBadRequest, codeSecretBadCAS, "cas is %d but the current version of secret %q is %d", *cas,
			path, current)
	}
	return nil
}

// write adds a version with data, and creates the secret if necessary. It takes ownership of data.
func (s *store) write(path string, data []byte, now time.Time) (*version, error) {
	sec, ok := s.secrets[path]
	if !ok {
		sec = &secret{path: path, created: now, versions: map[uint32]*version{}}
	}
	if sec.current == maxVersionNumber {
		return nil, errArgument("secret %q has no version left after %d", path, maxVersionNumber)
	}
	v := &version{number: sec.current + 1, created: now, state: Active, data: data}
	// The setting was checked when it was set. As in Vault, it applies to later versions
	// only.
	if delay, err := parseDelay(s.deleteAfter(sec)); err == nil && delay > 0 {
		v.expires, sec.expiring = now.Add(delay), true
	}
	s.add(sec)
	sec.versions[v.number] = v
	sec.current, sec.updated = v.number, now
	sec.prune(s.maxVersions(sec))
	return v, nil
}

// prune removes the oldest versions until at most keep are left.
func (sec *secret) prune(keep uint32) {
	excess := len(sec.versions) - int(keep)
	if excess <= 0 {
		return
	}
	numbers := sec.numbers()
	for _, n := range numbers[:excess] {
		delete(sec.versions, n)
	}
	sec.oldest = numbers[excess]
}

// numbers returns the numbers of the versions in ascending order.
func (sec *secret) numbers() []uint32 {
	numbers := make([]uint32, 0, len(sec.versions))
	for n := sec.oldest; n <= sec.current; n++ {
		if _, is := sec.versions[n]; is {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// before returns the numbers of versions before a number, at most so many, in descending order.
func (sec *secret) before(number uint32, most int) (numbers []uint32) {
	for n := min(number-1, sec.current); n >= max(sec.oldest, 1) && len(numbers) < most; n-- {
		if _, is := sec.versions[n]; is {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// setState sets the state of all the versions; of none if one is unknown or cannot have it: a
// deleted version cannot be activated. Deactivating a deleted version changes nothing.
func (s *store) setState(path string, numbers []uint32, state State, now time.Time) error {
	sec, err := s.get(path, now)
	if err != nil {
		return err
	}
	versions := make([]*version, 0, len(numbers))
	for _, n := range numbers {
		v, err := sec.version(n)
		if err != nil {
			return err
		}
		if v.state == Deleted && state == Active {
			return refusef(http.StatusBadRequest, codeSecretBadState, "version %d of secret %q is permanently deleted",
				v.number, path)
		}
		versions = append(versions, v)
	}
	for _, v := range versions {
		v.enter(state, now)
	}
	sec.updated = now
	return nil
}

func (v *version) enter(state State, now time.Time) {
	if v.state == state || v.state == Deleted {
		return
	}
	switch state {
	case Active:
		v.deactivated, v.expires = time.Time{}, time.Time{}
	case Deactivated:
		v.deactivated = now
	case Deleted:
		v.data = nil
		if v.deactivated.IsZero() {
			v.deactivated = now
		}
	}
	v.state = state
}

// seed adds a secret of a seed. It sets the settings before it writes the versions, since
// max_versions and delete_version_after apply to them.
func (s *store) seed(from seedSecret, now time.Time) error {
	custom, err := newCustom(nil, from.CustomMetadata, false)
	if err != nil {
		return err
	}
	sec, ok := s.secrets[from.Path]
	if !ok {
		sec = &secret{path: from.Path, created: now, versions: map[uint32]*version{}}
		s.add(sec)
	}
	if custom != nil {
		sec.custom = custom
	}
	from.settings.apply(&sec.settings)
	for _, v := range from.versions {
		made, err := s.write(from.Path, v.Data, now)
		if err != nil {
			return err
		}
		made.enter(cmp.Or(v.State, Active), now)
	}
	return nil
}

func (s *store) remove(path string) error {
	if _, ok := s.secrets[path]; !ok {
		return errNoSecret(path)
	}
	delete(s.secrets, path)
	at, _ := slices.BinarySearch(s.paths, path)
	s.paths = slices.Delete(s.paths, at, at+1)
	return nil
}

// The following functions return the effective settings of a secret: its own, or the domain's, or
// OKMS's default. A secret cannot override a domain that requires cas.

func (s *store) casRequired(sec *secret) bool {
	return deref(s.defaults.casRequired) || deref(sec.settings.casRequired)
}

func (s *store) maxVersions(sec *secret) uint32 {
	return cmp.Or(deref(sec.settings.maxVersions), deref(s.defaults.maxVersions), defaultMaxVersions)
}

func (s *store) deleteAfter(sec *secret) string {
	return cmp.Or(deref(sec.settings.deleteAfter), deref(s.defaults.deleteAfter), "0s")
}

func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
