// SPDX-License-Identifier: Apache-2.0

package emulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"unicode/utf8"
)

// Put writes data as a new version of the secret at path and returns its number. data is the JSON
// text of an object, kept byte for byte. It needs no permission and no cas. It fails for a path
// or data that OKMS would refuse.
func (e *Emulator) Put(path, data string) (int, error) {
	if err := checkData([]byte(data)); err != nil {
		return 0, fmt.Errorf("putting secret %q: %w", path, err)
	}
	return e.PutRaw(path, data)
}

// PutRaw does the same as Put for data that OKMS never stores: any bytes of any size. Tests use it
// to make invalid answers, which have these bytes instead of the data.
func (e *Emulator) PutRaw(path, data string) (int, error) {
	if err := checkPath(path); err != nil {
		return 0, fmt.Errorf("putting a secret: %w", err)
	}
	now := e.now()
	e.mu.Lock()
	defer e.mu.Unlock()
	v, err := e.store.write(path, []byte(data), now)
	if err != nil {
		return 0, fmt.Errorf("putting secret %q: %w", path, err)
	}
	return int(v.number), nil
}

// SetState sets the state of a version; 0 is the current one. It fails if the secret or the
// version does not exist, and for activating a deleted version.
func (e *Emulator) SetState(path string, version int, s State) error {
	switch s {
	case Active, Deactivated, Deleted:
	default:
		return fmt.Errorf("setting the state of secret %q: state %q is not active, deactivated or deleted", path, s)
	}
	if version < 0 || version > maxVersionNumber {
		return fmt.Errorf("setting the state of secret %q: version %d is not in 0 to %d", path, version, maxVersionNumber)
	}
	now := e.now()
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.store.setState(path, []uint32{uint32(version)}, s, now); err != nil {
		return fmt.Errorf("setting the state of secret %q: %w", path, err)
	}
	return nil
}

// Delete removes a secret with all its versions. It fails if there is none.
func (e *Emulator) Delete(path string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.store.remove(path); err != nil {
		return fmt.Errorf("deleting a secret: %w", err)
	}
	return nil
}

// Paths returns the paths of all secrets, sorted.
func (e *Emulator) Paths() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.store.paths)
}

// checkData returns nil for data that OKMS accepts: a JSON object of at most 64 KiB. Duplicate
// keys are accepted, and kept.
func checkData(data []byte) error {
	switch {
	case len(data) > maxDataSize:
		return badData("data has %d bytes, more than %d", len(data), maxDataSize)
	case !utf8.Valid(data):
		return badData("data is not UTF-8")
	case !json.Valid(data):
		return badData("data is not JSON")
	case !isObject(data):
		return badData("data is not a JSON object")
	}
	return nil
}

func badData(format string, args ...any) error {
	return refusef(http.StatusBadRequest, codeSecretBadData, format, args...)
}

// isObject reports whether valid JSON text is an object.
func isObject(data []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{"))
}
