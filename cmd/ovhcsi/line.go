// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"ovhcloud-csi-provider/provider/config"
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

// printProblems prints what is wrong with a file of connections.
func printProblems(stderr io.Writer, file string, problems config.Problems) {
	for _, p := range problems {
		if p.Line == 0 {
			printLine(stderr, "%s: %s", file, p.Text)
		} else {
			printLine(stderr, "%s:%d: %s", file, p.Line, p.Text)
		}
	}
}
