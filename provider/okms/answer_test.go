// SPDX-License-Identifier: Apache-2.0

package okms

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/failure"
)

func TestATimeStampIsCutTo100Bytes(t *testing.T) {
	s, failed := decodeData(answered(200, `{"data":{"data":{},"metadata":{"version":1,"created_time":"`+strings.Repeat("2",
		1000)+`\n"}}}`), Ref{})
	if failed != nil || s.Created != strings.Repeat("2", 100) {
		t.Errorf("%q, %v", s.Created, failed)
	}
}

func TestDataKeepsTheBytesThatOKMSSent(t *testing.T) {
	const data = `{ "b":1.0, "a":12345678901234567890,"h":"<&>" }`
	s, err := decodeData(answered(200, `{"request_id":"OKMS.1","data":{"data":`+data+`,"metadata":`+goodMetadata+`}}`),
		Ref{Path: "p"})
	if err != nil {
		t.Fatal(err)
	}
	if string(s.Data.Reveal()) != data || s.Version != 7 || s.Path != "p" ||
		s.Created != "2026-01-02T03:04:05.123456789Z" {
		t.Errorf("got %s at %d of %s", s.Data.Reveal(), s.Version, s.Created)
	}
}

func TestKindsOfAnswers(t *testing.T) {
	const planted = "hunter2-planted"
	gone := func(deletion, destroyed, data string) string {
		return `{"error_code":0,"errors":[],"request_id":"OKMS.1","data":{"data":` + data +
			`,"metadata":{"created_time":"x","deletion_time":"` + deletion +
			`","destroyed":` + destroyed + `,"version":3}}}`
	}
	good := func(data, metadata string) string {
		return `{"data":{"data":` + data + `,"metadata":` + metadata + `}}`
	}
	cases := []struct {
		name   string
		answer answer
		kind   failure.Kind
		text   string
	}{
		{"secret absent", answered(404, refusalBody("17125377", "secret not found")), failure.SecretAbsent,
			"secret not found (HTTP 404, error code 17125377, request OKMS.1)"},
		{"secret absent without a code", answered(404, `{"errors":[]}`), failure.SecretAbsent, "secret absent (HTTP 404)"},
		{"version absent", answered(404, refusalBody("17125378", "no version")), failure.VersionAbsent,
			"no version (HTTP 404, error code 17125378, request OKMS.1)"},
		{"domain unknown", answered(404, refusalBody("16994305", "no domain")), failure.DomainUnknown,
			"no domain (HTTP 404, error code 16994305, request OKMS.1)"},
		{"something else not found", answered(404, refusalBody("50417665", "no route")), failure.Rejected,
			"no route (HTTP 404, error code 50417665, request OKMS.1)"},
		{"a page that is not from OKMS", answered(404, "<html>not here</html>", "Content-Type", "text/html; charset=utf-8"),
			failure.Failing, "not an answer of OKMS: 21 bytes of text/html (HTTP 404)"},
		{"JSON that is not from OKMS", answered(404, `{"message":"no"}`), failure.Failing,
			"not an answer of OKMS: 16 bytes of application/json (HTTP 404)"},
		{"no token", answered(401, refusalBody("50475011", "bad token")), failure.Unauthenticated,
			"bad token (HTTP 401, error code 50475011, request OKMS.1)"},
		{"no token, with status 403", answered(403, refusalBody("16920577", "x")), failure.Unauthenticated,
			"x (HTTP 403, error code 16920577, request OKMS.1)"},
		{"not allowed", answered(403, refusalBody("16924673", "x")), failure.Denied,
			"x (HTTP 403, error code 16924673, request OKMS.1)"},
		{"not allowed, with status 401", answered(401, refusalBody("16924673", "x")), failure.Denied,
			"x (HTTP 401, error code 16924673, request OKMS.1)"},
		{"not allowed, with status 404", answered(404, refusalBody("16924673", "x")), failure.Denied,
			"x (HTTP 404, error code 16924673, request OKMS.1)"},
		{"401 in HTML", answered(401, "<html>"), failure.Failing,
			"not an answer of OKMS: 6 bytes of application/json (HTTP 401)"},
		{"403 in HTML", answered(403, "<html>"), failure.Failing,
			"not an answer of OKMS: 6 bytes of application/json (HTTP 403)"},
		{"deactivated", answered(404, gone("2026-05-06T07:08:09Z", "false", "null")), failure.Deactivated,
			"deactivated (HTTP 404, request OKMS.1)"},
		{"deleted", answered(404, gone("2026-05-06T07:08:09Z", "true", "null")), failure.Deleted,
			"deleted (HTTP 404, request OKMS.1)"},
		{"deactivated, with status 200", answered(200, gone("2026-05-06T07:08:09Z", "false", "null")), failure.Deactivated,
			"deactivated (HTTP 200, request OKMS.1)"},
		{"limited", answered(429, refusalBody("50434049", "slow down")), failure.Limited,
			"slow down (HTTP 429, error code 50434049, request OKMS.1)"},
		{"limited without a body", answered(429, ""), failure.Limited,
			"not an answer of OKMS: 0 bytes of application/json (HTTP 429)"},
		{"an internal error", answered(503, refusalBody("50425858", "down")), failure.Failing,
			"down (HTTP 503, error code 50425858, request OKMS.1)"},
		{"a proxy's error", answered(502, "<html>bad gateway</html>", "Content-Type", "text/html"), failure.Failing,
			"not an answer of OKMS: 24 bytes of text/html (HTTP 502)"},
		{"an invalid request", answered(400, refusalBody("50405377", "bad path")), failure.Rejected,
			"bad path (HTTP 400, error code 50405377, request OKMS.1)"},
		{"a redirect", answered(302, ""), failure.Unreadable, "answered with a redirect, which is not followed (HTTP 302)"},
		{"204", answered(204, ""), failure.Unreadable, "not an answer of OKMS: 0 bytes of application/json (HTTP 204)"},
		{"200 in HTML", answered(200, "<html>"+planted, "Content-Type", "text/html"), failure.Unreadable,
			"unreadable answer: not the JSON that OKMS sends (21 bytes of text/html) (HTTP 200)"},
		{"truncated JSON", answered(200, good(`{"k":"`+planted+`"`, "")[:40]), failure.Unreadable,
			"unreadable answer: not the JSON that OKMS sends (40 bytes of application/json) (HTTP 200)"},
		{"an empty object", answered(200, `{}`), failure.Unreadable,
			"unreadable answer: data or data.metadata is missing (HTTP 200)"},
		{"null", answered(200, `null`), failure.Unreadable, "unreadable answer: data or data.metadata is missing (HTTP 200)"},
		{"no metadata", answered(200, `{"data":{"data":{"k":"`+planted+`"}}}`), failure.Unreadable,
			"unreadable answer: data or data.metadata is missing (HTTP 200)"},
		{"version 0", answered(200, good(`{}`, `{"version":0}`)), failure.Unreadable,
			"unreadable answer: version 0 is not a version number (HTTP 200)"},
		{"a version that is a string", answered(200, good(`{}`, `{"version":"`+planted+`"}`)), failure.Unreadable,
			"unreadable answer: not the JSON that OKMS sends (61 bytes of application/json) (HTTP 200)"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := decodeData(c.answer, Ref{Path: "p"})
			if err == nil {
				t.Fatal("got a secret, want an error")
			}
			if err.Kind != c.kind || err.Error() != c.text {
				t.Errorf("got  %s: %s\nwant %s: %s", err.Kind, err, c.kind, c.text)
			}
			if strings.Contains(err.Error(), planted) {
				t.Error("the error repeats the answer")
			}
		})
	}
}

func TestAVersionThatWasNotRequestedIsRefused(t *testing.T) {
	_, err := decodeData(answered(200, `{"data":{"data":{},"metadata":`+goodMetadata+`}}`), Ref{Path: "p", Version: 3})
	if err == nil || err.Text != "unreadable answer: asked for version 3, got version 7" {
		t.Errorf("error = %v", err)
	}
}

func TestDeactivatedHasVersionAndTime(t *testing.T) {
	_, err := decodeData(answered(404,
		`{"errors":[],"data":{"data":null,"metadata":{"deletion_time":"2026-05-06T07:08:09Z","version":3}}}`), Ref{Path: "p"})
	if err == nil || err.Version != 3 || err.Since != "2026-05-06T07:08:09Z" {
		t.Errorf("error = %+v", err)
	}
}

func TestRetryAfter(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-1": 0, "nonsense": 0, "999999999": 24 * time.Hour,
		"Mon, 23 Nov 2026 12:01:00 GMT": time.Minute, "Mon, 23 Nov 2026 11:00:00 GMT": 0,
		"Fri, 31 Dec 2999 23:59:59 GMT": 24 * time.Hour,
	} {
		_, err := decodeData(answered(429, "", "Retry-After", header), Ref{Path: "p"})
		if err == nil || err.RetryAfter != want {
			t.Errorf("%q: %+v, want %s", header, err, want)
		}
	}
}

func TestATextOfTheServerIsCleanedAndCut(t *testing.T) {
	_, err := decodeData(answered(500, refusalBody("1", `a\nb\u001b[31m\u202e`+strings.Repeat("x", 1000))), Ref{Path: "p"})
	if err == nil || !strings.HasPrefix(err.Text, "a b [31m xxx") || len(err.Text) > 310 {
		t.Errorf("text = %q", err.Text)
	}
}

func TestTheLatestActiveVersion(t *testing.T) {
	for _, c := range []struct {
		versions string
		latest   int
		some     bool
	}{
		{`"10":{"deletion_time":"","destroyed":false}, "2":{"deletion_time":"2026-01-01T00:00:00Z","destroyed":true},
			"9":{"deletion_time":"2026-01-01T00:00:00Z"}, "11":{"deletion_time":"2027-01-01T00:00:00Z"},
			"x":{}, "24001":{}`, 11, true},
		{`"10":{}, "12":{"deletion_time":"2026-01-01T00:00:00Z"}, "9":{}`, 10, true},
		{`"1":{"destroyed":true}`, 0, true},
		{``, 0, false},
	} {
		latest, some, err := decodeLatest(answered(200, `{"data":{"versions":{`+c.versions+`}}}`))
		if err != nil || latest != c.latest || some != c.some {
			t.Errorf("%s: %d, %v, %v", c.versions, latest, some, err)
		}
	}
	if _, _, err := decodeLatest(answered(403, refusalBody("16924673", "x"))); err == nil || err.Kind != failure.Denied {
		t.Errorf("error = %v", err)
	}
	for _, body := range []string{"<html>", "[]", "{}", `{"data":[]}`, `{"data":{"versions":{"1":[]}}}`} {
		if _, _, err := decodeLatest(answered(200, body)); err == nil || err.Kind != failure.Unreadable {
			t.Errorf("%s: error = %v", body, err)
		}
	}
}

// FuzzAnswer checks that every answer gives a secret that it contains byte for byte, or an
// error of a known kind that repeats nothing of a successful answer.
func FuzzAnswer(f *testing.F) {
	f.Add(200, 0, `{"data":{"data":{"k":"v"},"metadata":`+goodMetadata+`}}`)
	f.Add(200, 7, `{"data":{"data":null,"metadata":{"version":7,"deletion_time":"x"}}}`)
	f.Add(404, 0, `{"errors":["x"],"error_code":17125377}`)
	f.Add(502, 3, `<html>`)
	f.Fuzz(func(t *testing.T, status, version int, body string) {
		a := answered(status, body)
		var s Secret
		var err *Error
		takesLittle(t, len(body), func() { s, err = decodeData(a, Ref{Path: "p", Version: version}) })
		if err == nil {
			if status != 200 || s.Data.Len() == 0 || !bytes.Contains([]byte(body), s.Data.Reveal()) || s.Version < 1 ||
				version != 0 && s.Version != version {
				t.Errorf("got a secret that is not in the answer %d %q", status, body)
			}
			return
		}
		if s.Data.Len() != 0 {
			t.Error("got data together with an error")
		}
		// Answers give no other kinds.
		//exhaustive:ignore
		switch err.Kind {
		case failure.SecretAbsent, failure.VersionAbsent, failure.Deactivated, failure.Deleted, failure.Unauthenticated,
			failure.Denied, failure.DomainUnknown, failure.Rejected, failure.Limited, failure.Failing, failure.Unreadable:
		default:
			t.Errorf("kind %q", err.Kind)
		}
		if err.Kind == failure.SecretAbsent && !strings.Contains(body, "error") {
			t.Errorf("a body that is not from OKMS counts as an absent secret: %q", body)
		}
		if len(err.Error()) > 600 {
			t.Errorf("the error has %d bytes", len(err.Error()))
		}
	})
}
