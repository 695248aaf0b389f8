// SPDX-License-Identifier: Apache-2.0

package okms

import (
	"net/http"
	"strconv"
	"time"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/rawjson"
)

// decodeLatest returns the highest number of an active version in SW's SecretMetadata, 0 if
// there is none, and whether any version is listed. It keeps nothing else, since a secret may
// have 24,000 versions.
func decodeLatest(a answer) (latest int, listed bool, failed *Error) {
	if a.status != http.StatusOK {
		return 0, false, a.refused()
	}
	unreadable := &Error{Kind: failure.Unreadable, Status: a.status,
		Text: "unreadable answer: not the metadata of a secret"}
	top, valid := rawjson.Parse(a.body.Reveal())
	data := member(top, "data")
	if !valid || !data.IsObject() {
		return 0, false, unreadable
	}
	for key, value := range member(data, "versions").Members() {
		n, err := strconv.Atoi(string(key[1 : len(key)-1]))
		if err != nil || n < 1 || n > MaxVersion {
			continue
		}
		if listed = true; n <= latest {
			continue
		}
		var meta versionMetadata
		if !meta.read(value) {
			return 0, false, unreadable
		}
		if isActive(meta, a.at) {
			latest = n
		}
	}
	return latest, listed, nil
}

// addVersions adds the versions in SW's SecretMetadata, with the states that they have at the
// time of the answer.
func addVersions(a answer, to *pages[VersionState]) *Error {
	if a.status != http.StatusOK {
		return a.refused()
	}
	top, valid := rawjson.Parse(a.body.Reveal())
	data := member(top, "data")
	if !valid || !data.IsObject() {
		return a.unreadable("", "not the versions of a secret (%d bytes of %s)", a.body.Len(), a.media)
	}
	for key, value := range member(data, "versions").Members() {
		number, ok := versionOf(key[1 : len(key)-1])
		var meta versionMetadata
		if !ok || !meta.read(value) {
			return a.unreadable("", "a version in the list is not one that OKMS sends")
		}
		if failed := to.add(a, VersionState{number, stateAt(meta, a.at)}, mostLine); failed != nil {
			return failed
		}
	}
	return nil
}

// versionOf returns the number that a text of digits names. It returns false for a number that no
// version has, and for another spelling of one.
func versionOf(digits []byte) (number int, ok bool) {
	number, err := strconv.Atoi(string(digits[:min(len(digits), 8)]))
	return number, err == nil && number >= 1 && number <= MaxVersion && string(digits) == strconv.Itoa(number)
}

// stateAt returns the state of a version at a time.
func stateAt(meta versionMetadata, now time.Time) State {
	switch {
	case meta.destroyed:
		return Deleted
	case isActive(meta, now):
		return Active
	}
	return Deactivated
}

// member returns the last value of a key in an object; nil if there is none.
func member(v rawjson.Value, name string) (found rawjson.Value) {
	for key, value := range v.Members() {
		if key.Is(name) {
			found = value
		}
	}
	return found
}

// isActive reports whether a version is active. By Vault's convention, a deletion_time in the
// future is planned (delete_version_after) and one in the past has happened. Vault's "deleted"
// is OKMS's "deactivated", and Vault's "destroyed" is OKMS's "deleted".
func isActive(meta versionMetadata, now time.Time) bool {
	if meta.destroyed {
		return false
	}
	if meta.deletionTime == "" {
		return true
	}
	at, err := time.Parse(time.RFC3339, meta.deletionTime)
	return err == nil && at.After(now)
}
