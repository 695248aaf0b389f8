// SPDX-License-Identifier: Apache-2.0

// Package sniff detects the common mistakes in the bytes of a credential or certificate:
// base64, DER, UTF-16, quotation marks, a byte order mark. Error messages name the mistake.
package sniff

import (
	"bytes"
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Mark is the byte order mark of UTF-8. Some editors write it at the start of a file.
var Mark = []byte("\xef\xbb\xbf")

// WithoutMark returns raw without a leading byte order mark. It shares the memory of raw.
func WithoutMark(raw []byte) []byte { return bytes.TrimPrefix(raw, Mark) }

// IsQuoted reports whether a text begins or ends with a quotation mark.
func IsQuoted(text []byte) bool {
	const marks = "\"'`\u201c\u201d\u2018\u2019\u00ab\u00bb"
	first, _ := utf8.DecodeRune(text)
	last, _ := utf8.DecodeLastRune(text)
	return strings.ContainsRune(marks, first) || strings.ContainsRune(marks, last)
}

// IsUTF16 reports whether a text looks like ASCII encoded as UTF-16: it has the byte order mark
// of UTF-16, or more than 40% of its bytes are 0.
func IsUTF16(text []byte) bool {
	if bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")) {
		return true
	}
	return len(text) > 4 && bytes.Count(text, []byte{0})*5 > len(text)*2
}

// IsBinary reports whether bytes are not text: invalid UTF-8, or control characters other than
// white space. Text of any language is text.
func IsBinary(text []byte) bool {
	if !utf8.Valid(text) {
		return true
	}
	return bytes.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && !unicode.IsSpace(r) })
}

// IsDER reports whether bytes begin like a certificate or key in DER: with a SEQUENCE of 128
// bytes or more.
func IsDER(text []byte) bool {
	return len(text) > 128 && text[0] == 0x30 && (text[1] == 0x81 || text[1] == 0x82)
}

// leastEncoded is the least length in bytes of a decoded text that counts as encoded by hand.
// 12 random bytes are printable by chance once in 100,000 times.
const leastEncoded = 12

// IsEncoded reports whether a text is a credential in base64. A PAT is a JWT: it begins with
// "eyJ", and its base64 with "ZXlK". Any other text was most likely encoded by hand if it
// decodes to printable ASCII.
func IsEncoded(text []byte) bool {
	decoded, ok := DecodeBase64(text)
	if !ok || bytes.HasPrefix(text, []byte("eyJ")) {
		return false
	}
	if bytes.HasPrefix(WithoutMark(decoded), []byte("eyJ")) {
		return true
	}
	decoded = bytes.TrimSpace(WithoutMark(decoded))
	unprintable := func(r rune) bool { return r < ' ' || r >= 0x7f }
	return len(decoded) >= leastEncoded && !bytes.ContainsFunc(decoded, unprintable)
}

// DecodeBase64 decodes a text in either alphabet of base64, with padding or without, and ignores
// white space. ok is false if the text is not base64.
func DecodeBase64(text []byte) (decoded []byte, ok bool) {
	bare := bytes.TrimRight(bytes.Join(bytes.Fields(text), nil), "=")
	for _, alphabet := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		if decoded, err := alphabet.AppendDecode(nil, bare); err == nil {
			return decoded, true
		}
	}
	return nil, false
}
