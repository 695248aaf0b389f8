// SPDX-License-Identifier: Apache-2.0

// Package message makes the texts of users, servers and libraries safe to show in a message: one
// line, bounded, and without characters that control a terminal.
package message

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// mostShown is how much of a foreign text a message shows, in bytes.
const mostShown = 80

// Bound returns s. If s is longer than most bytes, it is cut to that length and an ellipsis is
// added.
func Bound(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// Quote returns s in Go's double quotes, on one line. If s is longer than 80 bytes, it is cut and
// an ellipsis is added.
func Quote(s string) string {
	s = Bound(s, mostShown)
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "?")
	}
	return fmt.Sprintf("%q", s)
}

// Name returns the name of a parameter, field or connection as it is written if it has
// only letters, digits, dots, dashes and underscores, and Quote if it has others or is
// empty. Messages are read on terminals, where other characters could change what is seen.
func Name(name string) string {
	usual := func(r rune) bool {
		return r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("._-", r))
	}
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return !usual(r) }) {
		return Quote(name)
	}
	return Bound(name, mostShown)
}

// OneLine returns s on one line of printable characters, cut to 300 bytes. Each other
// character becomes a question mark.
func OneLine(s string) string {
	return Bound(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s), 300)
}

// ErrMissing is in the chain of an error about a required field that is not given. Callers drop
// such an error if the field is misspelt, since that is already another error.
var ErrMissing = errors.New("is missing")

// Missing returns an error that wraps ErrMissing and adds an advice.
func Missing(advice string) error { return fmt.Errorf("%w; %s", ErrMissing, advice) }
