// SPDX-License-Identifier: Apache-2.0

package template

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"sync"
)

// function is a function of templates.
type function struct {
	least, most int // arguments; most is -1 for any number
	call        func(r *run, args []any) (any, error)
}

// wants says how many arguments a function takes.
func (f function) wants() string {
	switch {
	case f.most < 0:
		return fmt.Sprintf("%d arguments or more", f.least)
	case f.least == f.most:
		return fmt.Sprintf("%d arguments", f.least)
	}
	return fmt.Sprintf("%d to %d arguments", f.least, f.most)
}

// builtins are the functions of text/template itself, but for those that make HTML or call others.
var builtins = map[string]function{
	"and": {1, -1, lastOf}, "or": {1, -1, lastOf},
	"not": {1, 1, func(_ *run, args []any) (any, error) { return isEmpty(args[0]), nil }},
	"len": {1, 1, func(_ *run, args []any) (any, error) { return lengthOf(args[0]) }},
	"eq":  {2, -1, equalsAny},
	"ne": {2, 2, func(r *run, args []any) (any, error) {
		same, err := equal(r, args[0], args[1])
		return !same, err
	}},
	"lt":    ordered(func(order int) bool { return order < 0 }),
	"le":    ordered(func(order int) bool { return order <= 0 }),
	"gt":    ordered(func(order int) bool { return order > 0 }),
	"ge":    ordered(func(order int) bool { return order >= 0 }),
	"slice": {1, 3, sliceOf},
}

// lastOf is what and and or come to if no argument before decides.
func lastOf(_ *run, args []any) (any, error) { return args[len(args)-1], nil }

func lengthOf(v any) (any, error) {
	switch v := v.(type) {
	case string:
		return len(v), nil
	case []any:
		return len(v), nil
	case []string:
		return len(v), nil
	case map[string]any:
		return len(v), nil
	case map[string]string:
		return len(v), nil
	}
	return nil, problem("the value has no length")
}

// equalsAny reports whether the first argument equals one of the others.
func equalsAny(r *run, args []any) (any, error) {
	for _, other := range args[1:] {
		if same, err := equal(r, args[0], other); same || err != nil {
			return same, err
		}
	}
	return false, nil
}

// equal compares two values of one type; a number of a secret equals one of the template.
func equal(r *run, a, b any) (bool, error) {
	if a == nil || b == nil {
		return a == nil && b == nil, nil
	}
	if x, is := a.(bool); is {
		y, both := b.(bool)
		if !both {
			return false, errTypes
		}
		return x == y, nil
	}
	order, err := compare(r, a, b)
	return order == 0, err
}

const errTypes = problem("the values have different types, or types that have no order")

func ordered(is func(order int) bool) function {
	return function{2, 2, func(r *run, args []any) (any, error) {
		order, err := compare(r, args[0], args[1])
		return is(order), err
	}}
}

// compare orders two texts or two numbers. It takes steps for their bytes.
func compare(r *run, a, b any) (int, error) {
	if x, is := a.(string); is {
		y, both := b.(string)
		if !both {
			return 0, errTypes
		}
		return cmp.Compare(x, y), r.take(min(len(x), len(y)))
	}
	if x, y := whole(a), whole(b); x != nil && y != nil {
		return x.Cmp(y), r.take(2 * maxNumber)
	}
	x, isX := numeric(a)
	y, isY := numeric(b)
	if !isX || !isY {
		return 0, errTypes
	}
	return cmp.Compare(x, y), r.take(16)
}

// whole returns a whole number of any size exactly, nil for another value.
func whole(v any) *big.Int {
	switch v := v.(type) {
	case int:
		return big.NewInt(int64(v))
	case number:
		if len(v) <= maxNumber {
			if n, is := new(big.Int).SetString(string(v), 10); is {
				return n
			}
		}
	}
	return nil
}

// numeric returns a number of a secret or of a template.
func numeric(v any) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case number:
		if len(v) > maxNumber {
			return 0, false
		}
		f, err := strconv.ParseFloat(string(v), 64)
		return f, err == nil
	}
	return 0, false
}

// sliceOf returns a part of a text or a list.
func sliceOf(_ *run, args []any) (any, error) {
	n, err := lengthOf(args[0])
	if err != nil {
		return nil, err
	}
	from, to := 0, n.(int)
	for i, bound := range args[1:] {
		at, is := bound.(int)
		if !is {
			return nil, problem("the bounds of slice are no whole numbers")
		}
		if i == 0 {
			from = at
		} else {
			to = at
		}
	}
	if from < 0 || from > to || to > n.(int) {
		return nil, problemf("the bounds of slice are not within 0 and %d", n)
	}
	switch v := args[0].(type) {
	case string:
		return v[from:to], nil
	case []any:
		return v[from:to], nil
	case []string:
		return v[from:to], nil
	}
	return nil, problem("the value is neither a text nor a list")
}

// functionOf returns the function with a name.
func functionOf(name string) (f function, known bool) {
	if f, known = functions[name]; !known {
		f, known = builtins[name]
	}
	return f, known
}

// Functions returns the names of all functions, sorted. The caller must not change it.
var Functions = sync.OnceValue(func() []string {
	return slices.Sorted(func(yield func(string) bool) {
		for _, table := range []map[string]function{functions, builtins} {
			for name := range table {
				if !yield(name) {
					return
				}
			}
		}
	})
})
