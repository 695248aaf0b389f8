// SPDX-License-Identifier: Apache-2.0

package okms

import (
	"bytes"
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/sensitive"
)

// A list is a Secret, so that the cache, the queue of reads and the fallback treat it like one.
// Its Data is a text with one line for each version ("12 active") or entry ("prod/db").

// State is the state of a version.
type State string

// The states (source: SW, SecretV2Version.state). A deactivated version can be activated again; a
// deleted one has no data any more.
const (
	Active      State = "active"
	Deactivated State = "deactivated"
	Deleted     State = "deleted"
)

// stateOf returns the State that a server's text names; "" if it names none.
func stateOf(text string) State {
	for _, state := range []State{Active, Deactivated, Deleted} {
		if text == string(state) {
			return state
		}
	}
	return ""
}

// VersionState is a version in a list of versions.
type VersionState struct {
	Number int
	State  State
}

// VersionsOf returns the versions in a list that was read as Versions, the newest first.
func VersionsOf(list Secret) iter.Seq[VersionState] {
	return func(yield func(VersionState) bool) {
		for line := range lines(list) {
			number, state, _ := strings.Cut(line, " ")
			n, _ := strconv.Atoi(number)
			if !yield(VersionState{n, stateOf(state)}) {
				return
			}
		}
	}
}

// EntriesOf returns the entries of a folder that was read as Folder, in the order of their texts:
// full paths, where that of a folder ends in a slash.
func EntriesOf(list Secret) iter.Seq[string] { return lines(list) }

func lines(list Secret) iter.Seq[string] {
	return strings.FieldsFuncSeq(string(list.Data.Reveal()), func(r rune) bool { return r == '\n' })
}

// mostLine is the length of the longest line of a version in bytes.
const mostLine = len("24000 deactivated\n")

// listOfVersions returns the list of versions, each once. It fails if a version has two states.
func listOfVersions(ref Ref, all []VersionState) (Secret, *Error) {
	slices.SortFunc(all, func(a, b VersionState) int { return cmp.Compare(b.Number, a.Number) })
	all = slices.Compact(all)
	text := make([]byte, 0, len(all)*mostLine)
	for i, v := range all {
		if i > 0 && all[i-1].Number == v.Number {
			return Secret{}, &Error{Kind: failure.Unreadable,
				Text: fmt.Sprintf("unreadable answer: version %d is listed with two states", v.Number)}
		}
		text = append(strconv.AppendInt(text, int64(v.Number), 10), ' ')
		text = append(append(text, v.State...), '\n')
	}
	return listOf(ref, bytes.Clone(text)), nil // text has more room than it needs
}

// listOfEntries returns the list of the entries of a folder, each once.
func listOfEntries(ref Ref, all []string) Secret {
	slices.Sort(all)
	all = slices.Compact(all)
	size := 0
	for _, entry := range all {
		size += len(entry) + 1
	}
	text := make([]byte, 0, size)
	for _, entry := range all {
		text = append(append(text, entry...), '\n')
	}
	return listOf(ref, text)
}

func listOf(ref Ref, text []byte) Secret {
	return Secret{Path: ref.Path, Data: sensitive.New(text)}
}

// maxPath is the length of the longest path of a secret in bytes (source: SW,
// PostSecretV2Request.path).
const maxPath = 255

// isPath reports whether a path that a server sent can be that of a secret. It must not lead
// elsewhere when it is read: HTTP clients resolve dot segments.
func isPath(path string) bool {
	if len(path) > maxPath || strings.Trim(path, pathSigns) != "" {
		return false
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return false
		}
	}
	return true
}

// pathSigns are the characters that a path may have (source: SW, PostSecretV2Request.path).
const pathSigns = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:/=@-"

// under returns the path of a name in a folder.
func under(folder, name string) string {
	if folder == "" {
		return name
	}
	return folder + "/" + name
}
