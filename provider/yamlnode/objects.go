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

// Mistake returns the error about a sign of a text in YAML that looks like a space or a
// dash and is none, about entries that have run together into one line, about quotes,
// brackets, templates and columns; nil if there is no such mistake. It is for a text that
// cannot be read, or not as what it should be:
// it does not look whether the sign is the cause. Errors read on from the name of the
// text, and have the line and column of the sign.
func Mistake(text string) error {
	block := -1 // the indent of the line that opened a block scalar; -1 outside of one
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
	// blockScalar ends a line whose value is in the lines below.
	blockScalar = regexp.MustCompile(`(^|[\s:-])[|>][-+0-9]*\s*(#.*)?$`)
	noSpace     = regexp.MustCompile(`^-[A-Za-z]\w*:(\s|$)`)
	fieldName   = regexp.MustCompile(`^[A-Za-z]\w*$`)
	// field begins a field within the value of another one.
	field = regexp.MustCompile(`\s(-\s+)?[A-Za-z]\w*:(\s|$)`)
)

// mistakeOfLine looks at the structure of a line: its indent, its dashes, and the name of
// the field with the colon. at is the place in bytes.
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
			return i + 1, "a space is missing behind the dash"
		case looksLikeDash(r) && isSpaceAt(line, i+utf8.RuneLen(r)):
			return i, fmt.Sprintf("the dash is U+%04X; replace it with a plain -", r)
		default:
			return mistakeOfField(line, i)
		}
	}
	return 0, ""
}

// mistakeOfField looks at a field that begins at a place of its line.
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
		return start, "a space is missing behind the colon"
	}
	unquoted := strings.TrimLeft(value, " \t")
	if unquoted == "" || strings.ContainsAny(unquoted[:1], `"'{[|>#&*`) {
		return 0, ""
	}
	if comment := strings.Index(value, " #"); comment >= 0 {
		value = value[:comment]
	}
	// What is behind the space in front of the value.
	skipped := len(value) - len(strings.TrimLeft(value, " \t"))
	m := field.FindStringSubmatchIndex(value[skipped:])
	if m == nil {
		return 0, ""
	}
	what = "a second field begins in this line"
	if m[2] >= 0 {
		what = "a second entry begins in this line"
	}
	what += `; give each a line of its own; if it is below "objects: >", which joins lines, write "objects: |"`
	return start + skipped + m[0] + 1, what
}

// isSpaceAt says whether there is a space of any kind at a place, or the end.
func isSpaceAt(line string, at int) bool {
	if at >= len(line) {
		return true
	}
	r, _ := utf8.DecodeRuneInString(line[at:])
	return r == ' ' || r == '\t' || looksLikeSpace(r)
}

// looksLikeSpace says whether a sign is one that people and editors take for a space, or
// do not see at all, and that YAML takes for a letter.
func looksLikeSpace(r rune) bool {
	return r >= utf8.RuneSelf && r != utf8.RuneError && (unicode.IsSpace(r) || unicode.Is(unicode.Cf, r))
}

// foreign names a sign that looksLikeSpace.
func foreign(r rune) string {
	switch {
	case r == '\u00a0':
		return "there is a no-break space (U+00A0)"
	case unicode.IsSpace(r):
		return fmt.Sprintf("there is a space that is not a plain one (U+%04X)", r)
	}
	return fmt.Sprintf("there is a sign that cannot be seen (U+%04X)", r)
}

func looksLikeDash(r rune) bool { return r >= utf8.RuneSelf && unicode.Is(unicode.Pd, r) }

// IsText says whether a node is a text in the lines below a | or >, and which of the two,
// or a text in quotes.
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

// mostBisected bounds the text in which the line of an error is looked for, in bytes: it
// takes a dozen readings.
const mostBisected = 32 << 10

// brokenLine is the line at which a text stops being YAML, 0 if that is not looked for.
// The library's own line is often the one before, or missing.
func brokenLine(text string) int {
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

// syntaxError is about a text that is no YAML: in words of ours where the mistake is
// known, else in those of the library.
func syntaxError(err error, text string) error {
	if mistake := Mistake(text); mistake != nil {
		return mistake
	}
	words := strings.TrimPrefix(err.Error(), "yaml: ")
	if line := brokenLine(text); line > 0 {
		words = fmt.Sprintf("line %d: %s", line, ofLine.ReplaceAllString(words, ""))
	}
	return errors.New("is not YAML: " + bounded(words, 200))
}
