// SPDX-License-Identifier: Apache-2.0

package test

import (
	"go/scanner"
	"go/token"
	"os"
	"os/exec"
	"strings"
	"testing"
	"unicode/utf8"
)

const widest = 120

// TestLinesAreShort checks all files of Go. What a line has of texts in backquotes does not count: these are
// fixtures and messages as they are written, which a break would change or hide from a search.
func TestLinesAreShort(t *testing.T) {
	out, err := exec.Command("git", "-C", "..", "ls-files", "*.go").Output()
	if err != nil {
		t.Skip("not a work tree of git, which lists the project's files")
	}
	for name := range strings.FieldsSeq(string(out)) {
		text, err := os.ReadFile("../" + name)
		if err != nil {
			continue // removed, and not committed yet
		}
		for i, line := range strings.Split(withoutRaw(text), "\n") {
			if n := utf8.RuneCountInString(line); n > widest {
				t.Errorf("%s:%d: %d characters; wrap the line at %d", name, i+1, n, widest)
			}
		}
	}
}

// withoutRaw returns a file without its texts in backquotes, but with their line breaks.
func withoutRaw(text []byte) string {
	var short strings.Builder
	var s scanner.Scanner
	file := token.NewFileSet().AddFile("", -1, len(text))
	s.Init(file, text, nil, 0)
	copied := 0
	for {
		at, kind, literal := s.Scan()
		if kind == token.EOF {
			short.Write(text[copied:])
			return short.String()
		}
		if kind == token.STRING && literal[0] == '`' {
			begin := file.Offset(at)
			short.Write(text[copied:begin])
			short.WriteString(strings.Repeat("\n", strings.Count(literal, "\n")))
			copied = begin + len(literal)
		}
	}
}

func TestTextsInBackquotesDoNotCount(t *testing.T) {
	for text, want := range map[string]string{
		"a(`b`, \"`c`\")\n":       "a(, \"`c`\")\n",
		"x := `a\nb\n` + y // `z": "x := \n\n + y // `z",
	} {
		if got := withoutRaw([]byte(text)); got != want {
			t.Errorf("%q gives %q, want %q", text, got, want)
		}
	}
}
