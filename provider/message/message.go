// Package message makes the texts of users, servers and libraries fit for a message: one
// line, bounded, and without what changes the look of a terminal.
package message

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// mostShown bounds what a message shows of a text that somebody else wrote, in bytes.
const mostShown = 80

// Bound returns s, cut to about most bytes with an ellipsis behind if it is longer.
func Bound(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// Quote returns s in Go's double quotes, cut to 80 bytes: one line, whatever is in it.
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

// ErrMissing is in the chain of the error about a field that must be given. The error is
// left out where the field was only misspelt, which is another error already.
var ErrMissing = errors.New("is missing")

// Missing returns ErrMissing with an advice.
func Missing(advice string) error { return fmt.Errorf("%w; %s", ErrMissing, advice) }
