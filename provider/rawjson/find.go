// SPDX-License-Identifier: Apache-2.0

package rawjson

import (
	"cmp"
	"context"
	"errors"
	"runtime"
	"strconv"
)

// Steps is a budget of work, in bytes of JSON that may be read, which several calls may share.
// A byte counts each time it is read. Only one goroutine at a time may use it.
type Steps struct {
	left int
	ctx  context.Context
}

// NewSteps returns a budget of n steps that ends early when ctx is done.
func NewSteps(ctx context.Context, n int) *Steps { return &Steps{left: n, ctx: ctx} }

// ErrSteps means that the budget is used up. ErrTwice means that an object has a key of the path
// twice, so that the path is ambiguous. If the context is done, the error is the context's.
var (
	ErrSteps = errors.New("takes too many steps")
	ErrTwice = errors.New("finds one of its keys twice in the same object")
)

// perElement is the number of steps for each element of an array, in addition to its bytes: a
// call and a comparison take as long as reading that many bytes.
const perElement = 32

// checkEvery is the number of steps between two checks of the context, where other goroutines get
// their turn too: Go itself would take the processor from a search only after 10 ms. These steps take
// a fraction of a millisecond.
const checkEvery = 64 << 10

// Take takes n steps. It returns ErrSteps if fewer are left, or the context's error.
func (s *Steps) Take(n int) error {
	before := s.left
	if s.left -= n; s.left < 0 {
		s.left = 0
		return ErrSteps
	}
	if before/checkEvery != s.left/checkEvery {
		runtime.Gosched()
		return s.ctx.Err()
	}
	return nil
}

// Find returns the value at a path. If there is none, it returns nil without an error; so it does
// if a path for each element of an array (#) finds nothing in any. Errors are those of Steps and
// ErrTwice. The value may share memory with v.
func (v Value) Find(p Path, s *Steps) (Value, error) { return v.find(p.steps, s) }

// find is Find for steps of a path.
func (v Value) find(path []step, s *Steps) (Value, error) {
	for len(path) > 0 && v.Exists() {
		next := path[0]
		path = path[1:]
		var err error
		switch {
		case next.query == nil && !(next.all && v.IsArray()):
			v, err = v.inner(next.key, s)
		case !next.all:
			v, err = v.first(next.query, s)
		default:
			ofEach := path
			for i, later := range path {
				if later.whole {
					ofEach = path[:i]
					break
				}
			}
			path = path[len(ofEach):]
			v, err = v.gather(next.query, ofEach, s)
		}
		if err != nil {
			return nil, err
		}
	}
	return v, nil
}

// inner returns a member by its key, or an element by its index; nil if there is none.
func (v Value) inner(key string, s *Steps) (found Value, err error) {
	if err := s.Take(len(v)); err != nil {
		return nil, err
	}
	if v.IsArray() {
		return v.element(key), nil
	}
	for k, value := range v.Members() {
		if !k.Is(key) {
			continue
		}
		if found.Exists() {
			return nil, ErrTwice
		}
		found = value
	}
	return found, nil
}

// element returns an element of an array by its index; nil if there is none.
func (v Value) element(index string) Value {
	n, err := strconv.ParseUint(index, 10, 31)
	if err != nil {
		return nil
	}
	for e := range v.Elements() {
		if n == 0 {
			return e
		}
		n--
	}
	return nil
}

// first returns the first element that a query matches; nil if there is none.
func (v Value) first(q *query, s *Steps) (Value, error) {
	if err := s.Take(len(v)); err != nil {
		return nil, err
	}
	for e := range v.Elements() {
		if err := s.Take(perElement); err != nil {
			return nil, err
		}
		if matches, err := q.matches(e, s); err != nil || matches {
			return e, err
		}
	}
	return nil, nil
}

// gather returns an array of the values at a path in each element that a query matches; nil if
// there are none. A nil query matches every element. The array is not longer than v, since each
// value is a different part of v.
func (v Value) gather(q *query, path []step, s *Steps) (Value, error) {
	if err := s.Take(len(v)); err != nil {
		return nil, err
	}
	var all Value
	for e := range v.Elements() {
		if err := s.Take(perElement); err != nil {
			return nil, err
		}
		if q != nil {
			if matches, err := q.matches(e, s); err != nil {
				return nil, err
			} else if !matches {
				continue
			}
		}
		found, err := e.find(path, s)
		if err != nil {
			return nil, err
		}
		if found.Exists() {
			all = append(append(all, ','), found...)
		}
	}
	if len(all) == 0 {
		return nil, nil
	}
	all[0] = '['
	return append(all, ']'), nil
}

// matches reports whether an element satisfies a query. Numbers are compared as numbers, strings
// as bytes. A null, an object or an array satisfies no comparison.
func (q *query) matches(e Value, s *Steps) (bool, error) {
	found, err := e.find(q.at.steps, s)
	if err != nil || !found.Exists() {
		return false, err
	}
	if q.op == "" {
		return true, nil
	}
	if err := s.Take(len(found)); err != nil {
		return false, err
	}
	switch found[0] {
	case '"':
		text, ok := found.Unquote()
		return ok && compares(q.op, cmp.Compare(string(text), q.value)), nil
	case 't', 'f':
		return compareBool(q.op, string(found), q.value), nil
	case 'n', '{', '[':
		return false, nil
	}
	order, ok := parseNumber(string(found)).compare(q.number)
	return ok && compares(q.op, order), nil
}

// compares reports whether an order, as cmp.Compare returns it, satisfies a comparison.
func compares(op string, order int) bool {
	switch op {
	case "==":
		return order == 0
	case "!=":
		return order != 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	}
	return order >= 0
}

// compareBool reports whether a boolean satisfies a comparison; false is less than true.
func compareBool(op, a, b string) bool {
	if b != "true" && b != "false" {
		return op == "!="
	}
	return compares(op, cmp.Compare(a, b)) // the texts have the same order
}

// longestNumber is the longest text, in bytes, that is parsed as a number: strconv is slow for
// longer ones, and 64 bits cannot represent more digits.
const longestNumber = 40

// number is a text parsed as a 64-bit integer and as a floating-point number, each if valid.
type number struct {
	whole            int64
	float            float64
	isWhole, isFloat bool
}

// parseNumber returns the number of a text; neither isWhole nor isFloat is set if it is none.
func parseNumber(text string) (n number) {
	if len(text) > longestNumber {
		return n
	}
	var err error
	n.whole, err = strconv.ParseInt(text, 10, 64)
	n.isWhole = err == nil
	n.float, err = strconv.ParseFloat(text, 64)
	n.isFloat = err == nil
	return n
}

// compare compares integers exactly, and other numbers as floating-point numbers. It returns
// false if either is not a number.
func (n number) compare(with number) (order int, ok bool) {
	if n.isWhole && with.isWhole {
		return cmp.Compare(n.whole, with.whole), true
	}
	return cmp.Compare(n.float, with.float), n.isFloat && with.isFloat
}
