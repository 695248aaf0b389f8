// SPDX-License-Identifier: Apache-2.0

package oauth

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"ovhcloud-csi-provider/provider/sensitive"
	"ovhcloud-csi-provider/test/emulator"
)

func TestALongTokenAnswerIsRefused(t *testing.T) {
	long := `{"access_token":"x","token_type":"bearer","x":"` + strings.Repeat("x", maxTokenAnswer) + `"}`
	for status, want := range map[int]string{200: "answer longer than 64 KiB", 500: "HTTP 500",
		401: "not an answer of a token endpoint: more than 64 KiB of application/json (HTTP 401), " +
			"perhaps of a proxy or firewall on the way"} {
		i := startIssuer(t)
		if _, err := i.Inject(emulator.Fault{Status: status, Body: long}); err != nil {
			t.Fatal(err)
		}
		_, err := i.tokens.Token(t.Context(), sensitive.Bytes{})
		var failed *Error
		if !errors.As(err, &failed) || failed.Text != want || failed.Status != status || failed.Refused {
			t.Errorf("%v (%+v), want %s", err, failed, want)
		}
	}
}

// TestATokenAnswerTakesLittleMemory: other members of the answer are not copied.
func TestATokenAnswerTakesLittleMemory(t *testing.T) {
	for _, part := range []string{`"",`, `{},`, `[],`, `{"":{}},`} {
		body := []byte(`{"access_token":"x","x":[` + strings.Repeat(part, 60_000/len(part)) + `1]}`)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		used := usedOf(body).json()
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 8<<10 || string(used) != `{"access_token":"x"}` {
			t.Errorf("%s: %d bytes are allocated, want at most 8192; used is %s", part, got, used)
		}
	}
}

func TestOnlyTheUsedMembersOfATokenAnswerArePassedOn(t *testing.T) {
	for body, want := range map[string]string{
		"": "{}", "<html>": "{}", "[]": "{}", `{"error": "x", "error_description":"planted"}`: `{"error":"x"}`,
		`{"access_token":{"a":1},"token_type":"b"}`: `{"token_type":"b"}`, `{"expires_in": 9}`: `{"expires_in":9}`,
	} {
		if got := string(usedOf([]byte(body)).json()); got != want {
			t.Errorf("answer %q: got %s, want %s", body, got, want)
		}
	}
}
