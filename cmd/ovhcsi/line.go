package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
)

// printLine prints exactly one line and escapes the arguments: the name of a file or
// directory may contain a line break, and the text after it would look like output of this
// program.
func printLine(out io.Writer, format string, args ...any) {
	fmt.Fprintln(out, escaped(fmt.Sprintf(format, args...)))
}

// escaped returns s with each unprintable character as a Go escape, such as \n.
func escaped(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return s
	}
	quoted := strconv.Quote(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}
