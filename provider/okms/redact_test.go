// SPDX-License-Identifier: Apache-2.0

package okms

import (
	"strings"
	"testing"

	"ovhcloud-csi-provider/provider/sensitive"
)

// TestTheShortestPartThatIsRedacted checks the limit: a part of 12 bytes of a
// credential is redacted in any form, a part of 11 bytes is not.
func TestTheShortestPartThatIsRedacted(t *testing.T) {
	const secret = "planted_credential_abcdefghijklmnopqrstuvwxyz"
	sent := &sentTexts{}
	sent.add(sensitive.New([]byte(secret)))
	for _, form := range formsOf(secret) {
		for at := 0; at+12 <= len(form); at++ {
			if got := sent.redact("<" + form[at:at+12] + ">"); got != "<[redacted]>" {
				t.Fatalf("12 bytes from %d of %q: got %s", at, form, got)
			}
		}
	}
	if part := secret[:11]; sent.redact("<"+part+">") != "<"+part+">" {
		t.Error("a part of 11 bytes is redacted, which would also redact common words")
	}
}

// TestAShortSecretIsRedactedWhole checks a secret that is shorter than the shortest part.
func TestAShortSecretIsRedactedWhole(t *testing.T) {
	sent := &sentTexts{}
	sent.add(sensitive.New([]byte("k3y")))
	if got := sent.redact("k3yk3y, k3 and K3Y of k3y"); strings.Contains(got, "k3y") ||
		!strings.Contains(got, "k3 and K3Y of") {
		t.Errorf("got %s", got)
	}
}

// TestEachPlaceOfAPartIsRedacted checks a text that has the same part in several places, some of
// which overlap, and one of which follows on text that shares its first bytes.
func TestEachPlaceOfAPartIsRedacted(t *testing.T) {
	for secret, texts := range map[string]map[string]string{
		"planted-abcdefgh": {
			"ted-abcdefgh, ted-abcdefgh and ted-abcdefgh": "[redacted], [redacted] and [redacted]",
			"plantplanted-abcdefgh":                       "plant[redacted]",
			strings.Repeat("planted-abcde ", 500):         strings.Repeat("[redacted] ", 500),
		},
		"aaaaaaaaaaaaaaaa": {"b" + strings.Repeat("a", 100) + "b": "b[redacted]b"},
	} {
		sent := &sentTexts{}
		sent.add(sensitive.New([]byte(secret)))
		for text, want := range texts {
			if got := sent.redact(text); got != want {
				t.Errorf("%.50s: got %.80s, want %.80s", text, got, want)
			}
		}
	}
}
