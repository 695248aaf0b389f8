// SPDX-License-Identifier: Apache-2.0

package template

import (
	"fmt"
	"strings"
	"text/template/parse"
)

// Error is what is wrong with a template, and where.
type Error struct {
	Line, Column int // from 1; 0 if not known
	What         string
}

// Error returns the place and what is wrong.
func (e *Error) Error() string {
	switch {
	case e.Line == 0:
		return e.What
	case e.Column == 0:
		return fmt.Sprintf("line %d of the template: %s", e.Line, e.What)
	}
	return fmt.Sprintf("line %d, column %d of the template: %s", e.Line, e.Column, e.What)
}

// errorAt returns an error about a node of a template.
func errorAt(text string, n parse.Node, what string) *Error {
	at := min(int(n.Position()), len(text))
	if field, is := n.(*parse.FieldNode); is && len(field.Ident) > 1 {
		at = max(0, at-len("."+field.Ident[0])) // the parser has the place of the second name
	}
	line := 1 + strings.Count(text[:at], "\n")
	return &Error{line, at - strings.LastIndexByte(text[:at], '\n'), what}
}
