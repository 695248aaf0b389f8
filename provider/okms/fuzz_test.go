// SPDX-License-Identifier: Apache-2.0

package okms

import (
	"net/http"
	"strings"
	"testing"

	"ovhcloud-csi-provider/provider/sensitive"
)

// mostAllocated returns how many bytes the decoding of an answer of n bytes may allocate in
// total: a constant for the redaction of a few short texts, and a multiple of n.
func mostAllocated(n int) int { return 128<<10 + 40*n }

// sentTo returns a as the answer to a request with a token.
func sentTo(a answer) answer {
	a.sent = &sentTexts{all: []sensitive.Bytes{sensitive.New([]byte("eyJ.planted.token.of.a.length"))}}
	return a
}

// FuzzRefusal checks that any body of a refusal takes little memory, and that the Error is short
// and does not repeat the token.
func FuzzRefusal(f *testing.F) {
	for _, body := range hostileBodies(4 << 10) {
		f.Add(403, body)
	}
	f.Add(401, refusalBody("50475011", "not eyJ.planted.token.of.a.length"))
	f.Add(404, `{"request_id":"planted.token.of","data":{"data":null,"metadata":{"deletion_time":"x","version":1}}}`)
	f.Add(500, `{"errors":["`+strings.Repeat(`\ud800`, 300)+`"]}`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status == http.StatusOK {
			return // a success; see FuzzAnswer
		}
		bytes := []byte(body)
		var failed *Error
		takesLittle(t, len(body), func() {
			a := sentTo(answer{status: status})
			a.refusal = decodeRefusal(bytes[:min(len(bytes), maxRefusal)], len(bytes) > maxRefusal)
			failed = a.refused()
		})
		const more = len("[redacted]")
		if len(failed.Text) > mostText+more || len(failed.RequestID) > mostID+more || len(failed.Since) > mostID+more {
			t.Errorf("the error is too long: %+v", *failed)
		}
		said := failed.Text + " " + failed.RequestID + " " + failed.Since
		if strings.Contains(said, "planted.token.of") {
			t.Errorf("the error repeats the token: %+v", *failed)
		}
	})
}

// FuzzVersions checks that a list of versions takes little memory, and that the latest active
// version is in the list.
func FuzzVersions(f *testing.F) {
	f.Add(`{"data":{"versions":{"1":{"deletion_time":""},"2":{"destroyed":true},"24000":null}}}`)
	for _, body := range hostileBodies(4 << 10) {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		a := sentTo(answered(http.StatusOK, body))
		var latest int
		var listed bool
		var failed *Error
		takesLittle(t, len(body), func() { latest, listed, failed = decodeLatest(a) })
		if latest < 0 || latest > MaxVersion || latest > 0 && !listed || failed != nil && (latest > 0 || listed) {
			t.Errorf("%d, %t, %v of %q", latest, listed, failed, body)
		}
	})
}

// FuzzLists checks that the lists of each API take little memory, and that what is in them is what
// a reader may use: paths below the folder, and versions in order, each with one state.
func FuzzLists(f *testing.F) {
	f.Add(`{"data":{"versions":{"1":{"deletion_time":""},"2":{"destroyed":true},"24000":{"deletion_time":"2020-01-02T03:04:05Z"}}}}`, "", byte(0))
	f.Add(`{"data":{"keys":["a","b/","..","a/b","\u0061","x y"]}}`, "f", byte(1))
	f.Add(`[{"id":1,"state":"active"},{"id":24000,"state":"deleted"},{"id":1,"state":"x\n2 active"}]`, "f/g", byte(2))
	f.Add(`[{"path":"f/a"},{"path":"g"},{"path":"f/../b"},{"path":"/f/a"},{"path":"f/"}]`, "f", byte(3))
	for _, body := range hostileBodies(4 << 10) {
		for which := range byte(4) {
			f.Add(body, "f", which)
		}
	}
	f.Fuzz(func(t *testing.T, body, folder string, which byte) {
		if folder != "" && !isPath(folder) {
			return // no caller has such a folder
		}
		a := sentTo(answered(http.StatusOK, body))
		var list Secret
		var failed *Error
		takesLittle(t, len(body)*max(1, len(folder)/8), func() { // an entry of a few bytes gets the folder in front
			versions, entries := pages[VersionState]{most: MaxVersion}, pages[string]{most: 10_000}
			switch which % 4 {
			case 0:
				failed = addVersions(a, &versions)
			case 1:
				failed = addEntries(a, folder, &entries)
			case 2:
				failed = addRESTVersions(a, &versions)
			case 3:
				failed = addRESTEntries(a, folder, &entries)
			}
			switch {
			case failed != nil:
			case which%2 == 0:
				list, failed = listOfVersions(Ref{What: Versions}, versions.all)
			default:
				list = listOfEntries(Ref{What: Folder, Path: folder}, entries.all)
			}
		})
		if failed != nil {
			if strings.Contains(failed.Text, "planted.token.of") || len(failed.Text) > mostText {
				t.Errorf("the error is %q", failed.Text)
			}
			return
		}
		if which%2 == 0 {
			last := MaxVersion + 1
			for v := range VersionsOf(list) {
				if v.Number < 1 || v.Number >= last || v.State == "" {
					t.Errorf("%+v after %d in %q", v, last, list.Data.Reveal())
				}
				last = v.Number
			}
			return
		}
		last := ""
		for entry := range EntriesOf(list) {
			if below := strings.HasPrefix(entry, under(folder, "")); entry <= last || !below ||
				!isPath(strings.TrimSuffix(entry, "/")) {
				t.Errorf("%q after %q in %q", entry, last, list.Data.Reveal())
			}
			last = entry
		}
	})
}
