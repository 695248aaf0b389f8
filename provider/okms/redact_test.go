// SPDX-License-Identifier: Apache-2.0

package okms

import (
	"encoding/base64"
	"fmt"
	"slices"
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

// everyByte writes each byte of a text in a form.
func everyByte(text, form string) string {
	var out strings.Builder
	for i := range len(text) {
		fmt.Fprintf(&out, form, text[i])
	}
	return out.String()
}

// TestNothingOfATextWithADisguisedSecretIsShown checks forms in which a part of 12 bytes is not in the text.
func TestNothingOfATextWithADisguisedSecretIsShown(t *testing.T) {
	const secret = "eyJ.planted-token_0123456789.abcdef"
	split := func(text string, size int, by string) (out string) {
		for part := range slices.Chunk([]byte(text), size) {
			out += string(part) + by
		}
		return out
	}
	inHex := everyByte(secret, "%02x")
	inBase64 := base64.StdEncoding.EncodeToString([]byte(secret))
	for name, text := range map[string]string{
		"URL": everyByte(secret, "%%%02X"), "URL, lower case": everyByte(secret, "%%%02x"),
		"URL, twice": everyByte(secret, "%%25%02X"),
		"JSON":       everyByte(secret, `\u%04x`), "escapes": everyByte(secret, `\x%02X`),
		"HTML": everyByte(secret, "&#%d;"), "HTML, hex": everyByte(secret, "&#x%x;") + everyByte(secret, "&#X%X;"),
		"split": split(secret, 11, " "), "quoted": split(secret, 5, `","`), "single": split(secret, 1, "\n"),
		"with characters between": split(secret, 11, `\u200b`), "upper case": strings.ToUpper(secret),
		"hex with colons": split(inHex, 2, ":"), "hex in words": split(strings.ToUpper(inHex), 4, " "),
		"base64 in lines": split(inBase64, 8, "\r\n"), "a part": split(secret[4:18], 3, "."),
	} {
		sent := &sentTexts{}
		sent.add(sensitive.New([]byte(secret)))
		if got := sent.redact("Rejected <" + text + "> of yours"); got != sensitive.Redacted {
			t.Errorf("%s: got %s", name, got)
		}
	}
}

func TestOtherTextsAreShown(t *testing.T) {
	sent := &sentTexts{}
	sent.add(sensitive.New([]byte("eyJ.planted-token_0123456789.abcdef")))
	for _, text := range []string{"100%", "%zz and %2", `a\b`, "&#;", "&#x110000; &#9999999;", "planted-tok", "%70lanted-tok",
		"no access right okms:apikms:secret/get on urn:v1:eu:resource:okms:734b9b45-8b1a-469c-b140-b10bd6540017"} {
		if got := sent.redact(text); got != text {
			t.Errorf("%s: got %s", text, got)
		}
	}
}
