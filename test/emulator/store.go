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
	// maxDataSize is the largest data of one version in bytes. OVHcloud says
	// 64 KB; that it means 65536 bytes of JSON text is inferred.
	maxDataSize = 64 << 10
)

// State is the state of one version of a secret.
type State string

// States of a version. Vault calls Deactivated "deleted" and Deleted
// "destroyed".
const (
	Active      State = "active"
	Deactivated State = "deactivated" // unreadable until reactivated
	Deleted     State = "deleted"     // the data is gone for good
)

// settings are those a secret and the domain both have; nil means not set.
type settings struct {
	casRequired *bool
	deleteAfter *string // verbatim: OKMS echoes "1d" as "1d"
	maxVersions *uint32 // 0 means the default
}

type secret struct {
	path             string
	created, updated time.Time
	current          uint32
	oldest           uint32 // 0 until a version was pruned
	versions         map[uint32]*version
	custom           map[string]string // nil: none
	settings         settings
}

type version struct {
	number      uint32
	created     time.Time
	state       State
	data        []byte    // nil once deleted
	deactivated time.Time // when it left Active; zero: never
	expires     time.Time // when it deactivates by itself; zero: never
}

// store holds the secrets of a domain. Its owner guards it with a mutex.
type store struct {
	secrets  map[string]*secret
	defaults settings
}

func newStore() *store { return &store{secrets: map[string]*secret{}} }

// get returns a secret with the versions whose time has come deactivated.
func (s *store) get(path string, now time.Time) (*secret, error) {
	sec, ok := s.secrets[path]
	if !ok {
		return nil, errNoSecret(path)
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

// checkCAS compares cas (nil: not sent) with the current version; 0 asks for
// a secret that does not exist.
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
		return refusef(http.StatusBadRequest, codeSecretBadCAS, "cas is %d but the current version of secret %q is %d", *cas, path, current)
	}
	return nil
}

// write adds a version with the data, which it keeps; the secret is made
// when it does not exist.
func (s *store) write(path string, data []byte, now time.Time) (*version, error) {
	sec, ok := s.secrets[path]
	if !ok {
		sec = &secret{path: path, created: now, versions: map[uint32]*version{}}
	}
	if sec.current == maxVersionNumber {
		return nil, errArgument("secret %q has no version left after %d", path, maxVersionNumber)
	}
	v := &version{number: sec.current + 1, created: now, state: Active, data: data}
	// The setting was checked when it was set; it applies to versions made
	// from then on, as in Vault.
	if delay, err := parseDelay(s.deleteAfter(sec)); err == nil && delay > 0 {
		v.expires = now.Add(delay)
	}
	s.secrets[path] = sec
	sec.versions[v.number] = v
	sec.current, sec.updated = v.number, now
	sec.prune(s.maxVersions(sec))
	return v, nil
}

// prune removes the oldest versions until at most keep are left.
func (sec *secret) prune(keep uint32) {
	numbers := sec.numbers()
	excess := len(numbers) - int(keep)
	if excess <= 0 {
		return
	}
	for _, n := range numbers[:excess] {
		delete(sec.versions, n)
	}
	sec.oldest = numbers[excess]
}

// numbers lists the versions in ascending order.
func (sec *secret) numbers() []uint32 {
	numbers := make([]uint32, 0, len(sec.versions))
	for n := range sec.versions {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	return numbers
}

// setState brings all the versions to the state, or none when one is unknown or
// can't: a deleted version stays so. Deactivating what is deleted already
// changes nothing.
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
			return refusef(http.StatusBadRequest, codeSecretBadState, "version %d of secret %q is deleted for good", v.number, path)
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

// seed adds a secret of a seed. max_versions and delete_version_after have to
// hold for its own versions, so the settings come with an empty secret first.
func (s *store) seed(from seedSecret, now time.Time) error {
	custom, err := newCustom(nil, from.CustomMetadata, false)
	if err != nil {
		return err
	}
	sec, ok := s.secrets[from.Path]
	if !ok {
		sec = &secret{path: from.Path, created: now, versions: map[uint32]*version{}}
		s.secrets[from.Path] = sec
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
	return nil
}

// The effective settings of a secret: its own, else the domain's, else OKMS's
// default. A domain that requires cas cannot be overruled by a secret.

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
