package rawjson

import (
	"cmp"
	"context"
	"errors"
	"strconv"
)

// Steps are what may still be looked at, in bytes of JSON, by all that share them. Each
// byte counts as often as it is looked at.
type Steps struct {
	left int
	ctx  context.Context
}

// NewSteps gives so many steps, until ctx is done.
func NewSteps(ctx context.Context, n int) *Steps { return &Steps{left: n, ctx: ctx} }

// ErrSteps says that all steps were taken, ErrTwice that a path finds a key twice in one
// object, so that what it means cannot be known. A context that is done is the error of
// that context.
var (
	ErrSteps = errors.New("takes too many steps")
	ErrTwice = errors.New("finds one of its keys twice in the same object")
)

// perElement is what an element of an array counts for beside its bytes: a call and a
// comparison take as long as to look at so many.
const perElement = 32

// checkEvery is how many steps are taken between looks at the context: a fraction of a
// millisecond.
const checkEvery = 64 << 10

// Take takes n steps, or says why there are none left.
func (s *Steps) Take(n int) error {
	before := s.left
	if s.left -= n; s.left < 0 {
		s.left = 0
		return ErrSteps
	}
	if before/checkEvery != s.left/checkEvery {
		return s.ctx.Err()
	}
	return nil
}

// Find follows a path from a value. What it does not find does not exist, and no error
// says so. A path that gathers something of each element of an array finds nothing
// where it gathers nothing.
func (v Value) Find(p Path, s *Steps) (Value, error) { return v.find(p.steps, s) }

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

// inner is a member by its key, or an element by its index.
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

// first is the first element that a query matches.
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

// gather is an array of what a path finds in each element that a query matches; a nil
// query matches all. It is no larger than v: what is found is in v, each at its place.
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

// matches says whether an element satisfies a query. Numbers are compared as numbers,
// strings as bytes; a null equals nothing.
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

// compares says whether an order, less than 0, 0 or more, satisfies a comparison.
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

// compareBool compares true and false, with false as the lesser.
func compareBool(op, a, b string) bool {
	if b != "true" && b != "false" {
		return op == "!="
	}
	return compares(op, cmp.Compare(a, b)) // "false" is less than "true" as text, too
}

// longestNumber is the longest text that is taken for a number, in bytes: strconv takes
// long for longer ones, and none is longer that 64 bits can tell from others.
const longestNumber = 40

// number is a text as a whole number of 64 bits, and as a floating-point number.
type number struct {
	whole            int64
	float            float64
	isWhole, isFloat bool
}

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

// compare compares whole numbers exactly, others as floating-point numbers. It is not ok
// if one is no number.
func (n number) compare(with number) (order int, ok bool) {
	if n.isWhole && with.isWhole {
		return cmp.Compare(n.whole, with.whole), true
	}
	return cmp.Compare(n.float, with.float), n.isFloat && with.isFloat
}
