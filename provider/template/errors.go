package template

import "fmt"

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
