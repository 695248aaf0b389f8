package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
)

// printLine prints one line, whatever its arguments hold: the name of a file or folder
// may have a line break in it, and what follows that would pass for a line of ours.
func printLine(out io.Writer, format string, args ...any) {
	fmt.Fprintln(out, escaped(fmt.Sprintf(format, args...)))
}

// escaped is s with each character that cannot be printed as Go writes it, such as \n.
func escaped(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return s
	}
	quoted := strconv.Quote(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}
