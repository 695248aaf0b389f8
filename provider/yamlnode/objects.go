// SPDX-License-Identifier: Apache-2.0

package yamlnode

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Mistake returns an error about a common mistake in YAML: a character that looks like a space or
// a dash, two entries on one line, quotes, brackets, templates or columns. It returns nil if it
// finds none. Call it for a text that cannot be parsed or has the wrong structure: it does not
// check that the mistake is the cause. The error begins with "is not YAML: line 1, column 2", so
// that the name of the text can be written before it.
func Mistake(text string) error {
	block := -1 // the indentation of the line that begins a block scalar; -1 outside of one
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		indent := len(line) - len(strings.TrimLeft(line, " "))
		if block >= 0 && (indent > block || indent == len(line)) {
			continue
		}
		block = -1
		if at, what := mistakeOfLine(line); what != "" {
			return fmt.Errorf("is not YAML: line %d, column %d: %s", i+1, utf8.RuneCountInString(line[:at])+1, what)
		}
		if blockScalar.MatchString(line) {
			block = indent
		}
	}
	if m, seen := explain(text); seen {
		return fmt.Errorf("is not YAML: line %d, column %d: %s", m.line, m.column, m.text)
	}
	return nil
}

var (
	// blockScalar matches the end of a line whose value is on the following lines.
	blockScalar = regexp.MustCompile(`(^|[\s:-])[|>][-+0-9]*\s*(#.*)?$`)
	noSpace     = regexp.MustCompile(`^-[A-Za-z]\w*:(\s|$)`)
	fieldName   = regexp.MustCompile(`^[A-Za-z]\w*$`)
	// field matches the beginning of a field within the value of another one.
	field = regexp.MustCompile(`\s(-\s+)?[A-Za-z]\w*:(\s|$)`)
)

// mistakeOfLine checks the structure of a line: its indentation, its dashes, and the name of the
// field with the colon. It returns the offset of a mistake in bytes and a text about it; "" if
// there is none.
func mistakeOfLine(line string) (at int, what string) {
	dash := false
	for i, r := range line {
		switch {
		case r == ' ':
		case r == '\t' && dash:
			return i, "a tab follows the dash; replace it with a space"
		case r == '\t':
			return i, "the line is indented with a tab; replace it with spaces"
		case looksLikeSpace(r):
			return i, foreign(r) + "; replace it with a plain space"
		case r == '-' && isSpaceAt(line, i+1):
			dash = true
		case r == '-' && noSpace.MatchString(line[i:]):
			return i + 1, "a space is missing after the dash"
		case looksLikeDash(r) && isSpaceAt(line, i+utf8.RuneLen(r)):
			return i, fmt.Sprintf("the dash is U+%04X; replace it with a plain -", r)
		default:
			return mistakeOfField(line, i)
		}
	}
	return 0, ""
}

// mistakeOfField does the same for a field that begins at the offset from of its line.
func mistakeOfField(line string, from int) (at int, what string) {
	name, value, found := strings.Cut(line[from:], ":")
	if strings.ContainsAny(name, `"'#{[`) {
		return 0, ""
	}
	for i, r := range name {
		if looksLikeSpace(r) {
			return from + i, foreign(r) + "; remove it"
		}
	}
	start := from + len(name) + 1
	if r, _ := utf8.DecodeRuneInString(value); found && looksLikeSpace(r) {
		return start, foreign(r) + "; replace it with a plain space"
	}
	if value != "" && fieldName.MatchString(name) && !strings.ContainsAny(value[:1], " \t\r/") {
		return start, "a space is missing after the colon"
	}
	unquoted := strings.TrimLeft(value, " \t")
	if unquoted == "" || strings.ContainsAny(unquoted[:1], `"'{[|>#&*`) {
		return 0, ""
	}
	if comment := strings.Index(value, " #"); comment >= 0 {
		value = value[:comment]
	}
	// Search after the white space before the value.
	skipped := len(value) - len(strings.TrimLeft(value, " \t"))
	m := field.FindStringSubmatchIndex(value[skipped:])
	if m == nil {
		return 0, ""
	}
	what = "a second field begins on this line"
	if m[2] >= 0 {
		what = "a second entry begins on this line"
	}
	what += `; write each on its own line; if it is below "objects: >", which joins lines, write "objects: |"`
	return start + skipped + m[0] + 1, what
}

// isSpaceAt reports whether there is a space of any kind at an offset, or the end of the line.
func isSpaceAt(line string, at int) bool {
	if at >= len(line) {
		return true
	}
	r, _ := utf8.DecodeRuneInString(line[at:])
	return r == ' ' || r == '\t' || looksLikeSpace(r)
}

// looksLikeSpace reports whether a character looks like a space or is invisible, but is an
// ordinary character to YAML.
func looksLikeSpace(r rune) bool {
	return r >= utf8.RuneSelf && r != utf8.RuneError && (unicode.IsSpace(r) || unicode.Is(unicode.Cf, r))
}

// foreign returns a text about a character for which looksLikeSpace is true.
func foreign(r rune) string {
	switch {
	case r == '\u00a0':
		return "there is a no-break space (U+00A0)"
	case unicode.IsSpace(r):
		return fmt.Sprintf("there is a non-standard space (U+%04X)", r)
	}
	return fmt.Sprintf("there is an invisible character (U+%04X)", r)
}

// looksLikeDash reports whether a character is a dash other than "-".
func looksLikeDash(r rune) bool { return r >= utf8.RuneSelf && unicode.Is(unicode.Pd, r) }

// IsText reports whether a node is a block scalar or a text in quotes. sign is the character that
// begins it: |, > or a quote; "" if it is neither.
func IsText(n *Node) (sign string, is bool) {
	switch {
	case n.Kind != yaml.ScalarNode:
		return "", false
	case n.Style&yaml.LiteralStyle != 0:
		return "|", true
	case n.Style&yaml.FoldedStyle != 0:
		return ">", true
	case n.Style&yaml.DoubleQuotedStyle != 0:
		return `"`, true
	case n.Style&yaml.SingleQuotedStyle != 0:
		return "'", true
	}
	return "", false
}

// mostBisected is the longest text, in bytes, in which the line of an error is searched: the
// search parses the text about a dozen times.
const mostBisected = 32 << 10

// invalidLine returns the first line, from 1, with which the text is not YAML; 0 if the text is
// too long. The line that the library reports is often the one before, or missing.
func invalidLine(text string) int {
	lines := strings.SplitAfter(text, "\n")
	if len(text) > mostBisected {
		return 0
	}
	good, bad := 0, len(lines)
	for good+1 < bad {
		middle := (good + bad) / 2
		var n Node
		if err := yaml.Unmarshal([]byte(strings.Join(lines[:middle], "")), &n); err == nil {
			good = middle
		} else {
			bad = middle
		}
	}
	return bad
}

var ofLine = regexp.MustCompile(`^line \d+: `)

// syntaxError returns the error for a text that is not YAML: that of Mistake if it finds one, and
// the library's text with the line otherwise.
func syntaxError(err error, text string) error {
	if mistake := Mistake(text); mistake != nil {
		return mistake
	}
	words := strings.TrimPrefix(err.Error(), "yaml: ")
	if line := invalidLine(text); line > 0 {
		words = fmt.Sprintf("line %d: %s", line, ofLine.ReplaceAllString(words, ""))
	}
	return errors.New("is not YAML: " + bounded(words, 200))
}
