package format

import (
	"errors"
	"fmt"
	"strings"
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
	w.add(property(m.Key, true), "=", property(value, false), "\n")
	return nil
}

// property escapes a key or a value. Only spaces at the beginning of a value have to be escaped.
func property(text string, key bool) string {
	var out strings.Builder
	for i, r := range text {
		switch {
		case r == ' ' && (key || i == 0):
			out.WriteString(`\ `)
		case strings.ContainsRune(`\:=#!`, r):
			out.WriteByte('\\')
			out.WriteRune(r)
		case r == '\n':
			out.WriteString(`\n`)
		case r == '\r':
			out.WriteString(`\r`)
		case r == '\t':
			out.WriteString(`\t`)
		case r < ' ' || r > '~' && r < 0x10000:
			fmt.Fprintf(&out, `\u%04x`, r)
		case r > '~':
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}
