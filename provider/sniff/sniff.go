// Package sniff guesses what the bytes are that were given in place of a credential or a
// certificate: base64, DER, UTF-16, or a text in quotes. Messages name the mistake by it.
package sniff

import (
	"bytes"
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Mark is the byte order mark that some editors put in front of a text in UTF-8.
var Mark = []byte("\xef\xbb\xbf")

// WithoutMark returns raw without a byte order mark in front.
func WithoutMark(raw []byte) []byte { return bytes.TrimPrefix(raw, Mark) }

// IsQuoted says whether a quotation mark stands at one end or at both.
func IsQuoted(text []byte) bool {
	const marks = "\"'`\u201c\u201d\u2018\u2019\u00ab\u00bb"
	first, _ := utf8.DecodeRune(text)
	last, _ := utf8.DecodeLastRune(text)
	return strings.ContainsRune(marks, first) || strings.ContainsRune(marks, last)
}

// IsUTF16 says whether a text in ASCII was written as UTF-16.
func IsUTF16(text []byte) bool {
	if bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")) {
		return true
	}
	return len(text) > 4 && bytes.Count(text, []byte{0})*5 > len(text)*2
}

// IsBinary says whether bytes are no text at all. A text in another language is one.
func IsBinary(text []byte) bool {
	if !utf8.Valid(text) {
		return true
	}
	return bytes.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && !unicode.IsSpace(r) })
}

// IsDER says whether bytes begin as a certificate or key in DER does: with a SEQUENCE of
// 128 bytes or more.
func IsDER(text []byte) bool {
	return len(text) > 128 && text[0] == 0x30 && (text[1] == 0x81 || text[1] == 0x82)
}

// leastEncoded is how long a text in base64 must be, decoded, so that it is hardly
// printable by chance: one of 12 random bytes is once in 100,000 times.
const leastEncoded = 12

// IsEncoded says whether a text is base64 of a credential. A PAT is a JWT and begins
// with "eyJ", and base64 of it with "ZXlK"; of others, what is printable when it is
// decoded was most likely encoded by hand.
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

// DecodeBase64 decodes both alphabets, with padding or without, whatever the line breaks.
func DecodeBase64(text []byte) (decoded []byte, ok bool) {
	bare := bytes.TrimRight(bytes.Join(bytes.Fields(text), nil), "=")
	for _, alphabet := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		if decoded, err := alphabet.AppendDecode(nil, bare); err == nil {
			return decoded, true
		}
	}
	return nil, false
}
