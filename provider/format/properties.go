// SPDX-License-Identifier: Apache-2.0

package format

import (
	"errors"
	"unicode/utf16"
)

// properties writes a property as java.util.Properties reads it, in ASCII.
func (w *writer) properties(m Member) error {
	if m.Key == "" {
		return errors.New("is an empty name, which not every reader of properties takes; " + adviceName)
	}
	value, err := text(m.Value)
	if err != nil {
		return err
	}
	w.property(m.Key, true)
	w.add("=")
	w.property(value, false)
	w.add("\n")
	return nil
}

// property writes a key or a value with its escapes. Of the spaces of a value, only the first one
// has to be escaped.
func (w *writer) property(text string, key bool) {
	for i, r := range text {
		switch {
		case r == '\\' || r == ':' || r == '=' || r == '#' || r == '!' || r == ' ' && (key || i == 0):
			w.out = append(w.out, '\\', byte(r))
		case r == '\n':
			w.add(`\n`)
		case r == '\r':
			w.add(`\r`)
		case r == '\t':
			w.add(`\t`)
		case r >= ' ' && r <= '~':
			w.out = append(w.out, byte(r))
		case r < 0x10000:
			w.hex(`\u`, r, 4)
		default:
			high, low := utf16.EncodeRune(r)
			w.hex(`\u`, high, 4)
			w.hex(`\u`, low, 4)
		}
	}
}
