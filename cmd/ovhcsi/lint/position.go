// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"ovhcloud-csi-provider/provider/yamlnode"
)

// within returns the place in the source of a word in a line of a value's text, the lines counted
// from 1. If the line does not have the word, it is the place of its first word.
func (t *text) within(value *yamlnode.Node, line int, word string) (sourceLine, column int) {
	sourceLine, column = value.Line+line, 1
	if !yamlnode.IsBlock(value) {
		sourceLine, column = t.flow(value, line)
	}
	if sourceLine > len(t.lines()) {
		return value.Line, value.Column
	}
	whole := t.lines()[sourceLine-1]
	from := offset(whole, column)
	rest := whole[from:]
	if end := strings.Index(rest, `\n`); end >= 0 && sourceLine == value.Line {
		rest = rest[:end] // the next line of the text is on the same line of the source
	}
	found := wordIn(rest, word)
	if found < 0 {
		found = len(rest) - len(strings.TrimLeft(rest, " -"))
	}
	return sourceLine, 1 + utf8.RuneCountInString(whole[:from+found])
}

// offset returns the offset in bytes of a column, which counts characters from 1.
func offset(line string, column int) (bytes int) {
	for ; column > 1 && bytes < len(line); column-- {
		_, size := utf8.DecodeRuneInString(line[bytes:])
		bytes += size
	}
	return bytes
}

// wordIn returns the offset of a word in a line, -1 if it is not there as a word of its own.
func wordIn(line, word string) int {
	isWord := func(s string, last bool) bool {
		r, _ := utf8.DecodeRuneInString(s)
		if last {
			r, _ = utf8.DecodeLastRuneInString(s)
		}
		return s != "" && (r == '_' || r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	}
	for from := 0; word != ""; {
		i := strings.Index(line[from:], word)
		if i < 0 {
			return -1
		}
		i += from
		if !isWord(line[:i], true) && !isWord(line[i+len(word):], false) {
			return i
		}
		from = i + len(word)
	}
	return -1
}

// flow returns the place of a line of a value that is in quotes or plain. A line of its text ends at
// an escape \n in double quotes, or at an empty line of the source.
func (t *text) flow(value *yamlnode.Node, line int) (sourceLine, column int) {
	sign, _ := yamlnode.IsText(value)
	lines := t.lines()
	sourceLine, column = value.Line, value.Column
	if sign != "" {
		column++ // behind the quote
	}
	for line > 1 && sourceLine <= len(lines) {
		current := lines[sourceLine-1]
		rest := current[offset(current, column):]
		if i := newline(rest); sign == `"` && i >= 0 {
			column += utf8.RuneCountInString(rest[:i]) + len(`\n`)
			line--
			continue
		}
		sourceLine, column = sourceLine+1, 1
		for sourceLine <= len(lines) && strings.TrimSpace(lines[sourceLine-1]) == "" {
			sourceLine++
			line--
		}
	}
	if current := lines[min(sourceLine, len(lines))-1]; sign == `"` && sourceLine < len(lines) &&
		current[offset(current, column):] == `\` {
		sourceLine, column = sourceLine+1, 1 // the line break does not count
	}
	return sourceLine, column
}

// newline returns the offset of the first escape \n, -1 if there is none.
func newline(s string) int {
	for i := 0; i+1 < len(s); i++ {
		if s[i] != '\\' {
			continue
		}
		if s[i+1] == 'n' {
			return i
		}
		i++
	}
	return -1
}

// placeText matches a place that a message names.
var placeText = regexp.MustCompile(`\bline ([0-9]+)(?:, column ([0-9]+))?( of the template)?`)

// placeIn returns the first place that a message names, 0 for what it does not name.
func placeIn(text string) (line, column int) {
	if m := placeText.FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1])
		column, _ = strconv.Atoi(m[2])
	}
	return line, column
}

// relocate returns a message about the text of a value with the places in the source.
func (t *text) relocate(value *yamlnode.Node, message string) string {
	texts := strings.Split(value.Value, "\n")
	return placeText.ReplaceAllStringFunc(message, func(found string) string {
		if strings.HasSuffix(found, "template") {
			return found
		}
		line, column := placeIn(found)
		sourceLine, _ := t.within(value, line, "")
		whole := t.lines()[sourceLine-1]
		if column == 0 || line > len(texts) || !strings.HasSuffix(whole, texts[line-1]) {
			return fmt.Sprintf("line %d", sourceLine)
		}
		return fmt.Sprintf("line %d, column %d", sourceLine,
			column+utf8.RuneCountInString(whole)-utf8.RuneCountInString(texts[line-1]))
	})
}
