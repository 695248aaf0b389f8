// SPDX-License-Identifier: Apache-2.0

package yamlnode

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// found is a mistake in a text: where it is, and a text that describes it and its cure. Line and
// column count from 1; columns are characters.
type found struct {
	line, column int
	text         string
}

// OddSign describes the first character of a value that is invisible or a likely mistake, with
// its cure; "" if there is none. A template without quotes is a map in YAML, so it accepts maps.
func OddSign(n *Node) string {
	const template = "a template that was not rendered (%s); render it, or write the value"
	flow := n.Kind == yaml.MappingNode && n.Style&yaml.FlowStyle != 0
	if flow && len(n.Content) > 0 && n.Content[0].Kind == yaml.MappingNode {
		return fmt.Sprintf(template, "{{")
	}
	for i, r := range n.Value {
		rest := n.Value[i:]
		switch {
		case n.Kind != yaml.ScalarNode:
		case strings.HasPrefix(rest, "{{"), strings.HasPrefix(rest, "${"), strings.HasPrefix(rest, "$("):
			return fmt.Sprintf(template, n.Value[i:i+2])
		case looksLikeSpace(r):
			return strings.TrimPrefix(foreign(r), "there is ") + "; remove it"
		case strings.ContainsRune(typographic, r):
			return fmt.Sprintf(`a typographic quote (U+%04X); type ' or "`, r)
		}
	}
	return ""
}

// explain returns the first mistake that it recognises in a text that is not YAML. It returns
// false if it recognises none.
func explain(text string) (found, bool) {
	s := scanText(text)
	for _, all := range [][]found{s.signs, s.quotes, s.lines, s.brackets, columns(s.plain)} {
		if len(all) > 0 {
			return all[0], true
		}
	}
	return found{}, false
}

// typographic lists quotes that YAML does not treat as quotes.
const typographic = "\u201c\u201d\u201e\u2018\u2019\u201a\u00ab\u00bb"

// scanner reads a text line by line. It distinguishes quotes, comments and block scalars from the
// rest, and collects mistakes.
type scanner struct {
	line, column int
	quote        rune     // the quote that is open; 0 for none
	open         found    // where the quote was opened
	last, before rune     // the last character that is not a space, and the last one, on this line
	block        int      // the block scalar is indented by more than this; -1 outside of one
	flow         []found  // the brackets that are open
	plain        []string // the lines without comments, quoted lines and block scalars

	signs, quotes, lines, brackets []found
}

// scanText returns a scanner that has read the whole text.
func scanText(text string) *scanner {
	s := &scanner{block: -1}
	for line := range strings.SplitSeq(strings.TrimPrefix(text, "\ufeff"), "\n") {
		s.line++
		s.scanLine(strings.TrimSuffix(line, "\r"))
	}
	if s.quote != 0 {
		s.quotes = append([]found{s.open}, s.quotes...)
	}
	s.brackets = s.flow
	return s
}

// scanLine reads a line without its line break.
func (s *scanner) scanLine(line string) {
	s.plain = append(s.plain, "")
	indent := len(line) - len(strings.TrimLeft(line, " "))
	if s.block >= 0 {
		if indent > s.block || strings.TrimSpace(line) == "" {
			return
		}
		s.block = -1
	}
	outside := s.quote == 0
	code := s.scanSigns(line)
	if !outside || s.quote != 0 {
		if outside && s.quote != 0 {
			s.checkLine(code)
		}
		return
	}
	s.plain[s.line-1] = code
	s.checkLine(code)
	if m := blockBegins.FindStringSubmatch(code); m != nil && len(s.flow) == 0 {
		if s.block = len(m[1]) + len(m[2]); m[3] == "" { // the entry itself is the scalar
			s.block = strings.LastIndexByte(m[0], '-')
		}
	}
}

// blockBegins matches a line that begins a block scalar: its indentation, dashes and key.
var blockBegins = regexp.MustCompile(`^( *)((?:- +)*)(?:([^\s#].*:) +)?[|>][-+0-9]*\s*$`)

// scanSigns checks each character, and returns the line without its comment.
func (s *scanner) scanSigns(line string) (code string) {
	s.column, s.last, s.before = 0, 0, 0
	escaped := false
	for i, r := range line {
		s.column++
		switch {
		case escaped:
			escaped = false
		case s.quote == '"' && r == '\\':
			escaped = true
			s.checkEscape(line[i+1:])
		case s.quote != 0 && r == s.quote:
			if r == '\'' && strings.HasPrefix(line[i+1:], "'") {
				escaped = true
				break
			}
			s.quote = 0
			s.checkAfterQuote(line[i+1:])
		case s.quote != 0:
		case r == '#' && (s.before == 0 || s.before == ' ' || s.before == '\t'):
			return line[:i]
		default:
			s.sign(r, line[i:])
		}
		if s.before = r; r != ' ' && r != '\t' {
			s.last = r
		}
	}
	return line
}

// atStart reports whether a value or a name can begin here.
func (s *scanner) atStart() bool {
	switch s.last {
	case 0, ',', '[', '{':
		return true
	case ':', '-', '?':
		return s.before != s.last
	}
	return false
}

// sign checks a character outside quotes and comments. rest begins with it.
func (s *scanner) sign(r rune, rest string) {
	odd := func(text string) { s.signs = append(s.signs, s.here(text)) }
	switch {
	case strings.HasPrefix(rest, "{{") || strings.HasPrefix(rest, "{%"):
		odd("a template that was not rendered (" + rest[:2] + "); render it, or write the value")
	case r == '\uff1a':
		odd("a full-width colon (U+FF1A); type :")
	case s.last == 0 && (r == '\u2022' || r == '\u00b7'):
		odd(fmt.Sprintf("a bullet (U+%04X) instead of a dash; type -", r))
	case !s.atStart():
		s.close(r)
	case strings.ContainsRune(typographic, r):
		odd(fmt.Sprintf(`a typographic quote (U+%04X); type ' or "`, r))
	case r == '"' || r == '\'':
		s.quote, s.open = r, s.here(fmt.Sprintf("the quote %c is not closed", r))
	case r == '[' || r == '{':
		s.flow = append(s.flow, s.here(fmt.Sprintf("the bracket %c is not closed", r)))
	case strings.ContainsRune("@`%*&", r):
		s.lines = append(s.lines, s.here(fmt.Sprintf("a value that begins with %c; put it in quotes", r)))
	default:
		s.close(r)
	}
}

// close removes the innermost open bracket if r is a closing one.
func (s *scanner) close(r rune) {
	if (r == ']' || r == '}') && len(s.flow) > 0 {
		s.flow = s.flow[:len(s.flow)-1]
	}
}

// here returns a mistake at the current character.
func (s *scanner) here(text string) found { return found{s.line, s.column, text} }

// checkEscape checks the text after a backslash in double quotes.
func (s *scanner) checkEscape(rest string) {
	if rest != "" && !strings.ContainsRune("0abtnvfre \"/\\N_LPxuU\t", rune(rest[0])) {
		s.quotes = append(s.quotes, s.here("a backslash in double quotes; use single quotes"))
	}
}

// checkAfterQuote checks the text after a closing quote.
func (s *scanner) checkAfterQuote(rest string) {
	if rest = strings.TrimLeft(rest, " \t"); rest == "" || strings.ContainsRune(",:]}#", rune(rest[0])) {
		return
	}
	switch {
	case s.open.line != s.line:
		s.quotes = append(s.quotes, found{s.open.line, s.open.column, s.open.text + " on its line"})
	case len(s.flow) > 0:
		s.quotes = append(s.quotes, s.here("the quote is closed and more follows; is a comma missing?"))
	case strings.HasPrefix(s.open.text, "the quote '"):
		text := "the quote is closed and more follows; write a single quote within single quotes twice"
		s.quotes = append(s.quotes, s.here(text))
	default:
		s.quotes = append(s.quotes, s.here("the quote is closed and more follows; put the whole value in single quotes"))
	}
}

// colonWithin matches a value that contains a colon and a space.
var colonWithin = regexp.MustCompile(`^[\s-]*\w+:\s+[^\s"'{\[|>#][^#]*?(:)(\s|$)`)

// equalsSign matches a name with an equals sign after it.
var equalsSign = regexp.MustCompile(`^[\s-]*[A-Za-z]+ *(=) *\S`)

// checkLine checks the colons of a line.
func (s *scanner) checkLine(line string) {
	if len(s.flow) > 0 {
		return
	}
	check := func(form *regexp.Regexp, text string) {
		if at := form.FindStringSubmatchIndex(line); at != nil {
			s.lines = append(s.lines, found{s.line, utf8.RuneCountInString(line[:at[2]]) + 1, text})
		}
	}
	check(equalsSign, "an equals sign instead of a colon; type a colon and a space")
	check(colonWithin, "a colon and a space within a value; put the value in quotes")
}

// fieldLine matches a line with a field: its indentation, dashes and name.
var fieldLine = regexp.MustCompile(`^( *)((?:- +)*)["']?[\w.]+["']?:(\s|$)`)

// columns returns the first field or dash of a list of maps that begins in another column than
// those before it; nil if there is none or the text is not a list.
func columns(lines []string) []found {
	dash, field, nested := -1, -1, false
	for i, line := range lines {
		m := fieldLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		at := len(m[1]) + len(m[2])
		switch {
		case dash < 0 && m[2] == "": // not a list
			return nil
		case m[2] != "" && (dash < 0 || len(m[1]) == dash):
			dash, field = len(m[1]), at
		case nested && at > field:
			continue
		case m[2] != "":
			text := fmt.Sprintf("this entry begins in another column than the first one (%d); align them", dash+1)
			return []found{{i + 1, len(m[1]) + 1, text}}
		case at != field:
			text := fmt.Sprintf("this field begins in another column than the first one of its entry (%d); align them", field+1)
			return []found{{i + 1, at + 1, text}}
		}
		nested = strings.HasSuffix(strings.TrimRight(line, " "), ":")
	}
	return nil
}
