// SPDX-License-Identifier: Apache-2.0

// Package encoding decodes values that are stored as base64, base64url or hex, and
// explains why a value cannot be decoded.
package encoding

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"

	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/nearest"
)

// Encoding is how the values of an object are encoded in Secret Manager.
type Encoding string

// The encodings. UTF8 is the value as it is stored.
const (
	UTF8      Encoding = "utf-8"
	Base64    Encoding = "base64"
	Base64URL Encoding = "base64url"
	Hex       Encoding = "hex"
)

// Parse returns the encoding with a name. The error suggests a valid name.
func Parse(v string) (Encoding, error) {
	switch e := Encoding(v); e {
	case UTF8, Base64, Base64URL, Hex:
		return e, nil
	}
	valid := []string{string(UTF8), string(Base64), string(Base64URL), string(Hex)}
	return "", fmt.Errorf("%s is not an encoding; %s", message.Quote(v), nearest.Suggestion(v, valid))
}

// Decode returns the bytes that text encodes; for UTF8 that is text itself. It ignores white
// space around text and line breaks in it, and accepts base64 without padding. The error
// describes the mistake and its position, and never quotes text.
func (e Encoding) Decode(text []byte) ([]byte, error) {
	if e == UTF8 {
		return text, nil
	}
	signs := withoutBreaks(bytes.TrimSpace(text))
	out, err := e.decodeSigns(signs)
	if err != nil {
		return nil, fmt.Errorf("is not %s: %s", e, e.mistake(text, signs))
	}
	return out, nil
}

// decodeSigns decodes a text without white space around it or line breaks.
func (e Encoding) decodeSigns(signs []byte) ([]byte, error) {
	switch e {
	case Base64URL:
		return base64.RawURLEncoding.AppendDecode(nil, withoutPadding(signs))
	case Hex:
		return hex.AppendDecode(nil, signs)
	}
	return base64.RawStdEncoding.AppendDecode(nil, withoutPadding(signs))
}

// withoutBreaks returns text without line breaks, which base64 and xxd -p insert.
func withoutBreaks(text []byte) []byte {
	if !bytes.ContainsAny(text, "\r\n") {
		return text
	}
	return bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("\r"), nil), []byte("\n"), nil)
}

// withoutPadding returns base64 without its padding. Three = are no padding, and stay an error.
func withoutPadding(signs []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(signs, []byte("=")), []byte("="))
}

// alphabet returns the characters of an encoding.
func (e Encoding) alphabet() string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	switch e {
	case Base64URL:
		return letters + "-_"
	case Hex:
		return "0123456789abcdefABCDEF"
	}
	return letters + "+/"
}

// mistake returns why text cannot be decoded. signs is text without line breaks and without white
// space around it.
func (e Encoding) mistake(text, signs []byte) string {
	switch {
	case bytes.HasPrefix(signs, []byte("-----BEGIN ")):
		return "it is PEM; remove encoding, so that it is written as it is"
	case e == Hex && (bytes.HasPrefix(signs, []byte("0x")) || bytes.HasPrefix(signs, []byte("0X"))):
		return "it begins with 0x; remove that from the value in Secret Manager"
	case e == Hex && hexGroups.Match(signs):
		return "it has colons or spaces between its digits; remove them from the value in Secret Manager"
	case e == Hex && only(signs, e.alphabet()):
		return fmt.Sprintf("it has %d digits, an odd number; was the value cut?", len(signs))
	case e == Base64 && decodes(Base64URL, signs):
		return "it has - or _, the characters of base64url; set encoding: base64url"
	case e == Base64URL && decodes(Base64, signs):
		return "it has + or /, the characters of base64; set encoding: base64"
	case e != Hex && only(withoutPadding(signs), e.alphabet()):
		return fmt.Sprintf("base64 never has %d characters without padding; was the value cut?", len(withoutPadding(signs)))
	}
	return e.firstWrong(text) + "; correct the value in Secret Manager, or drop encoding"
}

// hexGroups matches hex in groups, as fingerprints and keys are printed.
var hexGroups = regexp.MustCompile(`^[0-9a-fA-F]{2,4}([: -][0-9a-fA-F]{2,4})+$`)

// only reports whether text has only characters of an alphabet.
func only(text []byte, alphabet string) bool {
	return !bytes.ContainsFunc(text, func(r rune) bool { return !strings.ContainsRune(alphabet, r) })
}

// decodes reports whether signs can be decoded with e.
func decodes(e Encoding, signs []byte) bool {
	_, err := e.decodeSigns(signs)
	return err == nil
}

// firstWrong describes the position of the first character that is not in the alphabet, counted
// from 1 in the value as it is stored.
func (e Encoding) firstWrong(text []byte) string {
	signs := bytes.TrimSpace(text)
	start := bytes.Index(text, signs)
	if e != Hex {
		signs = bytes.TrimRight(signs, "= \t\r\n")
	}
	alphabet, position, line, column := e.alphabet(), 0, 1, 0
	for i, r := range string(text[:start+len(signs)]) {
		position, column = position+1, column+1
		switch {
		case r == '\n':
			line, column = line+1, 0
		case i < start || r == '\r' || strings.ContainsRune(alphabet, r):
		case line > 1:
			return fmt.Sprintf("character %d (line %d, column %d) is not valid", position, line, column)
		default:
			return fmt.Sprintf("character %d is not valid", position)
		}
	}
	return "its padding (=) is wrong"
}
