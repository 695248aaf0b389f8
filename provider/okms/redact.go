package okms

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"

	"ovhcloud-csi-provider/provider/sensitive"
)

// leastPart is the length in bytes from which a part of a secret is redacted. A text of a
// server may be cut, and characters within may have been removed.
const leastPart = 12

// sentTexts holds the secrets of one exchange: the credentials sent to OKMS or to the token
// endpoint. No message may show them. Only one goroutine at a time may use it.
type sentTexts struct {
	all   []string
	forms []string // of all, once a text was redacted: a token of 16 kB has 200 kB of them
}

// add adds a secret.
func (s *sentTexts) add(secret string) { s.all, s.forms = append(s.all, secret), nil }

// redact takes the secrets out of a text that a server may have echoed them into: as
// they were sent, in hex, in base64 and in the encoding of URLs, and every part of one
// of leastPart bytes or more. A nil sentTexts redacts nothing.
func (s *sentTexts) redact(text string) string {
	if s == nil || text == "" {
		return text
	}
	if s.forms == nil {
		for _, secret := range s.all {
			s.forms = append(s.forms, formsOf(secret)...)
		}
	}
	hidden := make([]bool, len(text))
	parts := partsOf(text)
	for _, form := range s.forms {
		parts.hide(hidden, form)
	}
	var out strings.Builder
	for i := range len(text) {
		switch {
		case !hidden[i]:
			out.WriteByte(text[i])
		case i == 0 || !hidden[i-1]:
			out.WriteString(sensitive.Redacted)
		}
	}
	return out.String()
}

// formsOf returns the encodings of a secret that redact looks for. Base64 has three of each alphabet, since what
// is before the secret moves it within the groups of three bytes; the first and last
// characters of those are of other bytes too.
func formsOf(secret string) []string {
	escaped := url.QueryEscape(secret)
	inHex := hex.EncodeToString([]byte(secret))
	forms := []string{secret, escaped, lowerEscapes(escaped), url.PathEscape(secret), inHex, strings.ToUpper(inHex)}
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for shift := range 3 {
			form := encoding.EncodeToString([]byte(strings.Repeat("x", shift) + secret))
			if shift > 0 {
				form = form[min(len(form), shift+1):]
			}
			if whole := (shift + len(secret)) % 3; whole > 0 && len(form) > leastPart {
				form = form[:len(form)-1]
			}
			if shift == 0 || len(form) >= leastPart {
				forms = append(forms, form)
			}
		}
	}
	return forms
}

// lowerEscapes returns an escaped text with escapes in lower case: %2F becomes %2f.
func lowerEscapes(escaped string) string {
	out := []byte(escaped)
	for i := 0; i+2 < len(out); i++ {
		if out[i] == '%' {
			copy(out[i+1:], strings.ToLower(string(out[i+1:i+3])))
		}
	}
	return string(out)
}

// parts indexes the parts of leastPart bytes of a text by where they begin. begins is a
// fast check that there is none: a secret may be a thousand times as long as the text.
type parts struct {
	text   string
	places map[string][]int
	begins [1 << 10]uint64 // a bit for a hash of the first four bytes
}

func partsOf(text string) *parts {
	p := &parts{text: text, places: map[string][]int{}}
	for i := 0; i+leastPart <= len(text); i++ {
		part := text[i : i+leastPart]
		p.places[part] = append(p.places[part], i)
		word, bit := bitOf(part)
		p.begins[word] |= bit
	}
	return p
}

// bitOf returns the position in parts.begins of the bit for the first four bytes of s: a
// multiplicative hash of them. Fewer bytes would let most parts of a secret in hex through.
func bitOf(s string) (word int, bit uint64) {
	first := uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
	hash := first * 0x9E3779B1 >> 16
	return int(hash >> 6), 1 << (hash & 63)
}

// hide marks the parts of a secret in the text; of a secret shorter than leastPart, only
// the whole.
func (p *parts) hide(hidden []bool, secret string) {
	if secret == "" {
		return
	}
	if len(secret) < leastPart {
		for at := 0; at+len(secret) <= len(p.text); at++ {
			if p.text[at:at+len(secret)] == secret {
				mark(hidden[at : at+len(secret)])
			}
		}
		return
	}
	for i := 0; i+leastPart <= len(secret); i++ {
		if word, bit := bitOf(secret[i:]); p.begins[word]&bit == 0 {
			continue
		}
		part := secret[i : i+leastPart]
		for _, at := range p.places[part] {
			mark(hidden[at : at+leastPart])
		}
		delete(p.places, part) // a secret may repeat it as often as it likes
	}
}

func mark(hidden []bool) {
	for i := range hidden {
		hidden[i] = true
	}
}
