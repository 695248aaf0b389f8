// Package sniff recognises bytes that were given in place of a credential or a certificate:
// base64, DER, UTF-16, or a text in quotes. Error messages name the mistake by it.
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

// IsQuoted reports whether there is a quotation mark at one end or at both.
func IsQuoted(text []byte) bool {
	const marks = "\"'`\u201c\u201d\u2018\u2019\u00ab\u00bb"
	first, _ := utf8.DecodeRune(text)
	last, _ := utf8.DecodeLastRune(text)
	return strings.ContainsRune(marks, first) || strings.ContainsRune(marks, last)
}

// IsUTF16 reports whether a text in ASCII was written as UTF-16.
func IsUTF16(text []byte) bool {
	if bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")) {
		return true
	}
	return len(text) > 4 && bytes.Count(text, []byte{0})*5 > len(text)*2
}

// IsBinary reports whether bytes are not a text. A text in another language is a text.
func IsBinary(text []byte) bool {
	if !utf8.Valid(text) {
		return true
	}
	return bytes.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && !unicode.IsSpace(r) })
}

// IsDER reports whether bytes begin like a certificate or key in DER: with a SEQUENCE of at
// least 128 bytes.
func IsDER(text []byte) bool {
	return len(text) > 128 && text[0] == 0x30 && (text[1] == 0x81 || text[1] == 0x82)
}

// leastEncoded is how long a text in base64 must be, decoded, so that it is hardly ever
// printable by chance: 12 random bytes are once in 100,000 times.
const leastEncoded = 12

// IsEncoded reports whether a text is a credential in base64. A PAT is a JWT and begins
// with "eyJ", and base64 of it with "ZXlK". Of other texts, those that are printable when
// decoded were most likely encoded by hand.
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

// DecodeBase64 decodes both alphabets, with or without padding and line breaks.
func DecodeBase64(text []byte) (decoded []byte, ok bool) {
	bare := bytes.TrimRight(bytes.Join(bytes.Fields(text), nil), "=")
	for _, alphabet := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		if decoded, err := alphabet.AppendDecode(nil, bare); err == nil {
			return decoded, true
		}
	}
	return nil, false
}
