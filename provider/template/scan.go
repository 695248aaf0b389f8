// SPDX-License-Identifier: Apache-2.0

package template

import (
	"fmt"
	"strings"
)

// scanner reads the actions of a template before the parser does, to limit their number and their
// nesting: the parser recurses without a limit of its own that is low enough. It ends actions,
// strings and comments where the lexer of text/template ends them.
type scanner struct {
	text             string
	at               int
	words            int
	blocks, branches int // open blocks; else branches
}

// space is what text/template skips between the words of an action.
const space = " \t\r\n"

// scan checks the limits of a template's text. It returns the number of words in its actions.
func scan(text string) (words int, err error) {
	s := scanner{text: text}
	for s.next() {
		begin := s.at
		switch s.keyword() {
		case "if", "range", "with", "block", "define":
			s.blocks++
		case "end":
			s.blocks--
		case "else":
			s.branches++
		}
		switch {
		case s.blocks > maxDepth || s.branches > maxElse:
			return 0, &Error{Line: lineAt(text, begin),
				What: fmt.Sprintf("more than %d nested blocks, or more than %d else branches; simplify the template", maxDepth,
					maxElse)}
		case s.action() > maxDepth:
			return 0, &Error{Line: lineAt(text, begin),
				What: fmt.Sprintf("more than %d nested parentheses; assign parts to variables", maxDepth)}
		case s.words > MaxWords:
			return 0, &Error{Line: lineAt(text, begin),
				What: fmt.Sprintf("more than %d names and values in actions; split the template over several classes", MaxWords)}
		}
	}
	return s.words, nil
}

func lineAt(text string, at int) int { return 1 + strings.Count(text[:at], "\n") }

// keyword returns the first word of the action at s.at, or "" where it begins with something else.
func (s *scanner) keyword() string {
	action := strings.TrimLeft(strings.TrimPrefix(s.text[s.at:], "-"), space)
	end := strings.IndexFunc(action, func(r rune) bool { return r < 'a' || r > 'z' })
	if end < 0 {
		return action
	}
	return action[:end]
}

// next moves to the next action that is not a comment, behind its delimiter.
func (s *scanner) next() bool {
	for {
		i := strings.Index(s.text[s.at:], "{{")
		if i < 0 {
			return false
		}
		s.at += i + len("{{")
		rest := s.text[s.at:]
		if len(rest) >= 2 && rest[0] == '-' && strings.ContainsRune(space, rune(rest[1])) {
			rest = rest[2:]
		}
		if !strings.HasPrefix(rest, "/*") {
			return true
		}
		end := strings.Index(rest[2:], "*/")
		if end < 0 {
			return false // the parser reports it
		}
		s.at = len(s.text) - len(rest) + 2 + end + 2
	}
}

// action moves behind an action. It counts its words, and returns the depth of its parentheses.
func (s *scanner) action() (deepest int) {
	depth, inWord := 0, false
	for ; s.at < len(s.text) && !strings.HasPrefix(s.text[s.at:], "}}"); s.at++ {
		c := s.text[s.at]
		switch {
		case c == '"' || c == '\'' || c == '`':
			s.words++
			s.quoted(c)
			inWord = false
			continue
		case c == '(':
			depth++
			deepest = max(deepest, depth)
			s.words++
		case c == ')':
			depth--
		case c == '.' || c == '$' || c == '|':
			s.words++
		}
		letter := c == '_' || c == '+' || c == '-' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80
		if letter && !inWord {
			s.words++
		}
		inWord = letter || c == '.' || c == '$'
	}
	s.at = min(s.at, len(s.text))
	return deepest
}

// quoted moves to the closing quote of a string or a character. One that does not end is an error
// of the parser, which reads no further.
func (s *scanner) quoted(quote byte) {
	for s.at++; s.at < len(s.text) && s.text[s.at] != quote; s.at++ {
		if s.text[s.at] == '\\' && quote != '`' {
			s.at++
		}
	}
	s.at = min(s.at, len(s.text))
}
