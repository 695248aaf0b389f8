// SPDX-License-Identifier: Apache-2.0

package rawjson

import (
	"errors"
	"fmt"
	"strings"
)

// Path selects a value inside another one. It is a subset of the language of the library gjson,
// which External Secrets Operator uses for "property": keys, indexes, queries, and the elements
// of an array.
//
//	users.kevin.token          keys
//	tls\\.crt                  a key with a dot in it
//	hosts.0                    the first element
//	hosts.#.name               the name of each element, as an array
//	items.#(name=="x").value   the value of the first element that matches
//	items.#(port>1024)#.name   the name of every element that matches, as an array
//	items.#(tls.on==true)#|0   after a bar, the path applies to the array as a whole
//
// ParsePath refuses the rest of gjson. Counts, modifiers, multipaths and literals make values
// that are not in the secret. Patterns select a wrong value as soon as another key matches, and
// may take any time.
type Path struct{ steps []step }

// step is one element of a path.
type step struct {
	key   string // a member's key, or an element's index
	query *query // the condition on elements of an array; nil for a key
	all   bool   // every element that matches; the next steps apply to each
	whole bool   // after a bar: applies to the array, not to each element
}

// query is a condition on an element. Without a comparison, the value must exist.
type query struct {
	at     Path   // the value to compare; without steps, the element itself
	op     string // the comparison; "" for none
	value  string
	number number // value, if it is a number
}

// deepest is the largest depth of nested queries.
const deepest = 8

// ParsePath parses a path. Errors name the part that is not supported.
func ParsePath(text string) (Path, error) {
	p := parser{rest: text}
	path, err := p.path(0)
	if err == nil && p.rest != "" {
		err = errBrackets
	}
	return path, err
}

var errBrackets = errors.New("a query's brackets do not match")

// parser parses a path from its beginning; rest is what it has not read yet.
type parser struct{ rest string }

// path parses up to the end, or within a query up to the end of its left side.
func (p *parser) path(depth int) (Path, error) {
	var path Path
	if strings.HasPrefix(p.rest, "..") {
		return path, errors.New("JSON lines (..) are not supported in a path")
	}
	whole := false
	for {
		s, err := p.step(depth)
		if err != nil {
			return path, err
		}
		s.whole = whole
		path.steps = append(path.steps, s)
		if p.rest == "" || p.rest[0] != '.' && p.rest[0] != '|' {
			break
		}
		whole = p.rest[0] == '|'
		p.rest = p.rest[1:]
	}
	return path, nil
}

// step parses a key, an index or a query.
func (p *parser) step(depth int) (step, error) {
	if p.rest != "" && strings.IndexByte("@!{[", p.rest[0]) >= 0 {
		return step{}, fmt.Errorf("modifiers, literals and multipaths (%c) are not supported in a path", p.rest[0])
	}
	if strings.HasPrefix(p.rest, "#(") {
		return p.query(depth)
	}
	if rest, is := strings.CutPrefix(p.rest, "#"); is && (rest == "" || strings.IndexByte(".|=!<>%)", rest[0]) >= 0) {
		p.rest = rest
		if !strings.HasPrefix(rest, ".") {
			return step{},
				errors.New("a count (# at the end) is not supported in a path; add the key to select in each element, as in #.name")
		}
		return step{key: "#", all: true}, nil
	}
	key, err := p.key(depth)
	return step{key: key}, err
}

// key parses the name of a key. Within a query, a comparison ends it too.
func (p *parser) key(depth int) (string, error) {
	var key strings.Builder
	for p.rest != "" {
		c := p.rest[0]
		switch {
		case c == '.' || c == '|' || depth > 0 && strings.IndexByte("=!<>%)", c) >= 0:
			return key.String(), nil
		case c == '(' || c == ')':
			return "", errBrackets
		case c == '*' || c == '?':
			return "", fmt.Errorf("wildcards (%c) are not supported in a path; to match the character in a key, write a "+
				"backslash before it", c)
		case c == '\\' && len(p.rest) > 1:
			p.rest = p.rest[1:]
		}
		key.WriteByte(p.rest[0])
		p.rest = p.rest[1:]
	}
	return key.String(), nil
}

// query parses #(left op right), and a # after it.
func (p *parser) query(depth int) (step, error) {
	if depth >= deepest {
		return step{}, fmt.Errorf("more than %d nested queries are not supported in a path", deepest)
	}
	p.rest = p.rest[len("#("):]
	q := &query{}
	var err error
	if p.rest != "" && strings.IndexByte("=!<>%", p.rest[0]) < 0 {
		if q.at, err = p.path(depth + 1); err != nil {
			return step{}, err
		}
	}
	if q.op, err = p.operator(); err != nil {
		return step{}, err
	}
	if q.op != "" {
		if q.value, err = p.value(); err != nil {
			return step{}, err
		}
		q.number = parseNumber(q.value)
	}
	if !strings.HasPrefix(p.rest, ")") {
		return step{}, errBrackets
	}
	p.rest = p.rest[1:]
	s := step{query: q}
	if strings.HasPrefix(p.rest, "#") {
		s.all = true
		p.rest = p.rest[1:]
	}
	if p.rest != "" && strings.IndexByte(".|=!<>%)", p.rest[0]) < 0 {
		return step{}, errors.New("a query's closing bracket must be followed by a dot or a bar")
	}
	return s, nil
}

// operator parses a comparison. It returns "" if there is none.
func (p *parser) operator() (string, error) {
	if strings.HasPrefix(p.rest, "%") || strings.HasPrefix(p.rest, "!%") {
		return "", errors.New("patterns (%) are not supported in a query; compare with ==")
	}
	for _, op := range []string{"==", "!=", "<=", ">=", "<", ">", "="} {
		if rest, is := strings.CutPrefix(p.rest, op); is {
			if strings.HasPrefix(rest, "~") {
				return "", errors.New("comparisons with ~ are not supported in a query")
			}
			p.rest = rest
			if op == "=" {
				op = "=="
			}
			return op, nil
		}
	}
	if strings.HasPrefix(p.rest, "!") {
		return "", errors.New("a query compares with ==, !=, <, <=, > or >=")
	}
	return "", nil
}

// value parses the right side of a comparison: a text in quotes, or all up to the bracket.
func (p *parser) value() (string, error) {
	if !strings.HasPrefix(p.rest, `"`) {
		end := strings.IndexByte(p.rest, ')')
		if end < 0 {
			return "", errBrackets
		}
		value := strings.TrimSpace(p.rest[:end])
		p.rest = p.rest[end:]
		return value, nil
	}
	var value strings.Builder
	for p.rest = p.rest[1:]; p.rest != ""; p.rest = p.rest[1:] {
		switch {
		case p.rest[0] == '"':
			p.rest = p.rest[1:]
			return value.String(), nil
		case p.rest[0] == '\\' && len(p.rest) > 1:
			p.rest = p.rest[1:]
		}
		value.WriteByte(p.rest[0])
	}
	return "", errors.New("a query's text has no closing quote")
}
