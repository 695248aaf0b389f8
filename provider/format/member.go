// SPDX-License-Identifier: Apache-2.0

package format

import (
	"errors"
	"unicode/utf8"

	"ovhcloud-csi-provider/provider/rawjson"
)

// Member is a key of a secret with its value.
type Member struct {
	Key   string
	Raw   rawjson.Value // the key as JSON text
	Value rawjson.Value
}

// writer is the state of Write.
type writer struct {
	out   []byte
	first bool
}

// add adds texts to the file.
func (w *writer) add(texts ...string) {
	for _, text := range texts {
		w.out = append(w.out, text...)
	}
}

// hex adds an escape: a character in hexadecimal digits after a prefix.
func (w *writer) hex(prefix string, r rune, digits int) {
	w.add(prefix)
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		w.out = append(w.out, "0123456789abcdef"[r>>shift&0xf])
	}
}

// adviceName is what to do about a key that cannot be a name.
const adviceName = "list the other keys in keys, or rename it in the secret"

var (
	errSurrogate = errors.New("holds half a UTF-16 surrogate pair, which stands for no bytes")
	errBytes     = errors.New("holds bytes that are not UTF-8")
	errNull      = errors.New("is null, which this format cannot distinguish from a text; store a text, or list the " +
		"other keys in keys")
)

// text returns the text of a value: that of a string, else its JSON.
func text(v rawjson.Value) (string, error) {
	switch {
	case string(v) == "null":
		return "", errNull
	case !v.IsString():
		return string(v), nil
	}
	return unquote(v)
}

// unquote returns the text of a JSON string.
func unquote(v rawjson.Value) (string, error) {
	decoded, ok := v.Unquote()
	switch {
	case !ok:
		return "", errSurrogate
	case !utf8.Valid(decoded):
		return "", errBytes
	}
	return string(decoded), nil
}
