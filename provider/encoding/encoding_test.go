// SPDX-License-Identifier: Apache-2.0

package encoding

import (
	"encoding/base64"
	"encoding/hex"
	"regexp"
	"strings"
	"testing"
)

// wrapped returns text in lines, as base64 (76 characters) and xxd -p (60) print it.
func wrapped(text, every, ending string) string {
	return regexp.MustCompile(".{"+every+"}").ReplaceAllString(text, "$0"+ending) + ending
}

func TestLineBreaksWithinAnEncodedValue(t *testing.T) {
	content := strings.Repeat("planted\x00\xff\xfe", 20)
	for e, text := range map[Encoding]string{
		Base64:    base64.StdEncoding.EncodeToString([]byte(content)),
		Base64URL: base64.URLEncoding.EncodeToString([]byte(content)),
		Hex:       hex.EncodeToString([]byte(content)),
	} {
		for _, value := range []string{text, text + "\n", wrapped(text, "76", "\n"), wrapped(text, "60", "\r\n"),
			"\n  " + wrapped(text, "64", "\n"), strings.TrimRight(text, "=")} {
			if got, err := e.Decode([]byte(value)); err != nil || string(got) != content {
				t.Errorf("%s: %q: %v", e, value, err)
			}
		}
	}
	if got, err := Hex.Decode([]byte("DEADbeef")); err != nil || string(got) != "\xde\xad\xbe\xef" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestErrorsNameTheMistakeInAnEncodedValue(t *testing.T) {
	for _, c := range []struct {
		encoding Encoding
		value    string
		want     string
	}{
		{Base64, "cGxhbnRlZA-_", "is not base64: it has - or _, the characters of base64url; set encoding: base64url"},
		{Base64, "-_-_\n-_==", "is not base64: it has - or _, the characters of base64url; set encoding: base64url"},
		{Base64URL, "cGxhbnRlZA+/", "is not base64url: it has + or /, the characters of base64; set encoding: base64"},
		{Base64URL, "//8=", "is not base64url: it has + or /, the characters of base64; set encoding: base64"},
		{Base64, "cGxh*bnRlZA==",
			"is not base64: character 5 is not valid; correct the value in Secret Manager, or drop encoding"},
		{Base64, "cGxh\r\nbn!lZA==",
			"is not base64: character 9 (line 2, column 3) is not valid; correct the value in Secret Manager, or drop encoding"},
		{Base64, " \tcGé", "is not base64: character 5 is not valid; correct the value in Secret Manager, or drop encoding"},
		{Base64, "cGxh bnRl",
			"is not base64: character 5 is not valid; correct the value in Secret Manager, or drop encoding"},
		{Base64, "cGx=bnRl",
			"is not base64: character 4 is not valid; correct the value in Secret Manager, or drop encoding"},
		{Base64, "cGxhb", "is not base64: base64 never has 5 characters without padding; was the value cut?"},
		{Base64, "====", "is not base64: its padding (=) is wrong; correct the value in Secret Manager, or drop encoding"},
		{Base64, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
			"is not base64: it is PEM; remove encoding, so that it is written as it is"},
		{Hex, "0xdeadbeef", "is not hex: it begins with 0x; remove that from the value in Secret Manager"},
		{Hex, "0XAB", "is not hex: it begins with 0x; remove that from the value in Secret Manager"},
		{Hex, "aa:bb:CC",
			"is not hex: it has colons or spaces between its digits; remove them from the value in Secret Manager"},
		{Hex, "aa bb\ncc dd",
			"is not hex: it has colons or spaces between its digits; remove them from the value in Secret Manager"},
		{Hex, "abc", "is not hex: it has 3 digits, an odd number; was the value cut?"},
		{Hex, "abcg", "is not hex: character 4 is not valid; correct the value in Secret Manager, or drop encoding"},
		{Hex, "abcd\nab=d\n",
			"is not hex: character 8 (line 2, column 3) is not valid; correct the value in Secret Manager, or drop encoding"},
		{Hex, "abcd=", "is not hex: character 5 is not valid; correct the value in Secret Manager, or drop encoding"},
	} {
		got, err := c.encoding.Decode([]byte(c.value))
		if err == nil || err.Error() != c.want {
			t.Errorf("%s of %q: got %q, %v; want %s", c.encoding, c.value, got, err, c.want)
		}
	}
}
