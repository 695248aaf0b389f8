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
