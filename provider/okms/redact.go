// SPDX-License-Identifier: Apache-2.0

package okms

import (
	"encoding/base64"
	"encoding/hex"
	"math/bits"
	"net/url"
	"strings"

	"ovhcloud-csi-provider/provider/sensitive"
)

// leastPart is the length in bytes from which a part of a secret is redacted. A server's
// text may have been cut, or may have lost characters inside, so parts are redacted too.
const leastPart = 12

// sentTexts holds the secrets of one exchange: the credentials sent to OKMS or to the token
// endpoint. No message may show them. Only one goroutine at a time may use it.
type sentTexts struct {
	all []sensitive.Bytes
	// forms returns the encodings of all; a token of 16 kB has 300 kB of them. It is nil until
	// the first use. A function, so that fmt cannot print them.
	forms func() forms
}

// forms are the encodings of secrets that redact looks for, and those that differ as plain returns them.
type forms struct{ exact, plain []string }

// add adds a secret.
func (s *sentTexts) add(secret sensitive.Bytes) { s.all, s.forms = append(s.all, secret), nil }

// redact returns the text of a server without the secrets that it may echo: as they were sent,
// in hex, in base64 and URL-encoded, whole or in parts of leastPart bytes or more. If a secret is
// in it in disguise, nothing of it is returned. A nil sentTexts redacts nothing.
func (s *sentTexts) redact(text string) string {
	if s == nil || text == "" {
		return text
	}
	if s.forms == nil {
		var found forms
		for _, secret := range s.all {
			text := string(secret.Reveal())
			found.exact = append(found.exact, formsOf(text)...)
			found.plain = append(found.plain, plain(text), hex.EncodeToString([]byte(text)))
			for _, form := range base64Forms(base64.RawStdEncoding, text) {
				found.plain = append(found.plain, plain(form))
			}
		}
		s.forms = func() forms { return found }
	}
	forms := s.forms()
	if text = hideParts(text, forms.exact); isDisguised(text, forms.plain) {
		return sensitive.Redacted
	}
	return text
}

// hideParts returns the text without parts of secrets.
func hideParts(text string, secrets []string) string {
	hidden := make([]bool, len(text))
	parts := partsOf(text)
	for _, secret := range secrets {
		parts.hide(hidden, secret)
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

// formsOf returns the encodings of a secret that redact looks for.
func formsOf(secret string) []string {
	escaped := url.QueryEscape(secret)
	inHex := hex.EncodeToString([]byte(secret))
	forms := []string{secret, escaped, lowerEscapes(escaped), url.PathEscape(secret), inHex, strings.ToUpper(inHex)}
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		forms = append(forms, base64Forms(encoding, secret)...)
	}
	return forms
}

// base64Forms returns the three forms of a secret in base64, since the text before the secret shifts it within the
// groups of three bytes. Their first and last characters also encode bytes of other text, and are left out.
func base64Forms(encoding *base64.Encoding, secret string) (forms []string) {
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

// parts holds where each part of leastPart bytes of a text begins. begins is a fast filter for
// parts that are not in the text: a secret may be a thousand times as long as the text.
type parts struct {
	text   string
	last   map[string]int // where a part begins the last time
	before []int          // for each offset, where the same part begins before it; -1 = nowhere
	begins filter
}

func partsOf(text string) *parts {
	count := max(0, len(text)-leastPart+1)
	p := &parts{
		text:   text,
		last:   make(map[string]int, count),
		before: make([]int, count),
		begins: newFilter(count),
	}
	for i := range count {
		part := text[i : i+leastPart]
		at, known := p.last[part]
		if !known {
			at = -1
		}
		p.last[part], p.before[i] = i, at
		p.begins.add(part)
	}
	return p
}

// filter has a bit for the hash of the first four bytes of each part, a power of two of them.
type filter struct {
	words []uint64
	shift int // of the hash, so that its highest bits remain
}

// newFilter returns a filter in which some 32 bits a part, and at most 65,536, let few other parts
// through.
func newFilter(parts int) filter {
	log := min(max(6, bits.Len(uint(parts))+5), 16)
	return filter{words: make([]uint64, 1<<(log-6)), shift: 32 - log}
}

func (f filter) add(part string) {
	word, bit := f.place(part)
	f.words[word] |= bit
}

func (f filter) has(part string) bool {
	word, bit := f.place(part)
	return f.words[word]&bit != 0
}

// place returns the position of the bit for the first four bytes of s: a multiplicative hash of
// them. Fewer bytes would let most parts of a secret in hex through.
func (f filter) place(s string) (word int, bit uint64) {
	first := uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
	hash := first * 0x9E3779B1 >> f.shift
	return int(hash >> 6), 1 << (hash & 63)
}

// hide marks the parts of a secret in the text. A secret shorter than leastPart is only marked
// as a whole.
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
		part := secret[i : i+leastPart]
		if !p.begins.has(part) {
			continue
		}
		for at, found := p.last[part]; found && at >= 0; at = p.before[at] {
			mark(hidden[at : at+leastPart])
		}
		delete(p.last, part) // marked; the secret may repeat this part many times
	}
}

func mark(hidden []bool) {
	for i := range hidden {
		hidden[i] = true
	}
}
