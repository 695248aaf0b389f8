package rawjson

import (
	"errors"
	"fmt"
	"strings"
)

// Path is a way to a value inside another one, in the language that users of External
// Secrets Operator know as "property" (of the library gjson), as far as it finds
// values: keys, indexes, queries, and what they say of each element of an array.
//
//	users.kevin.token          keys
//	tls\\.crt                  a key with a dot in it
//	hosts.0                    the first element
//	hosts.#.name               of each element the name, as an array
//	items.#(name=="x").value   of the first element that matches
//	items.#(port>1024)#.name   of all that match, as an array
//	items.#(tls.on==true)#|0   a bar takes the array that stands before it as a whole
//
// What makes values of another kind (counts, modifiers, multipaths, literals) and what
// searches by pattern is refused by ParsePath: the first is not in the secret, and the
// second takes the wrong value as soon as another one matches, and any time to find it.
type Path struct{ steps []step }

// step is one element of a path.
type step struct {
	key   string // a member's key, or an element's index
	query *query // for each element of an array that matches; nil for a key
	all   bool   // of query: all that match, and what follows is of each
	whole bool   // behind a bar: of the array that was made, and not of each
}

// query is a condition on an element. One without a comparison wants something there.
type query struct {
	at     Path // what is compared; no steps stand for the element itself
	op     string
	value  string
	number number // that the value is, if it is one
}

// deepest bounds queries within queries.
const deepest = 8

// ParsePath reads a path. Errors say what is not supported.
func ParsePath(text string) (Path, error) {
	p := parser{rest: text}
	path, err := p.path(0)
	if err == nil && p.rest != "" {
		err = errBrackets
	}
	return path, err
}

var errBrackets = errors.New("a query's brackets do not match")

// parser reads a path from its front.
type parser struct{ rest string }

// path reads up to the end, or within a query up to what ends its left side.
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

// step reads a key, an index or a query.
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
			return step{}, errors.New("a count (# at the end) is not supported in a path; name what is wanted of each element, as in #.name")
		}
		return step{key: "#", all: true}, nil
	}
	key, err := p.key(depth)
	return step{key: key}, err
}

// key reads the name of a key. Within a query a comparison ends it, too.
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
			return "", fmt.Errorf("wildcards (%c) are not supported in a path; in the name of a key, put a backslash in front", c)
		case c == '\\' && len(p.rest) > 1:
			p.rest = p.rest[1:]
		}
		key.WriteByte(p.rest[0])
		p.rest = p.rest[1:]
	}
	return key.String(), nil
}

// query reads #(left op right), and a # behind it.
func (p *parser) query(depth int) (step, error) {
	if depth >= deepest {
		return step{}, fmt.Errorf("more than %d queries within one another are not supported in a path", deepest)
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
		return step{}, errors.New("a dot must stand behind a query's bracket")
	}
	return s, nil
}

// operator reads a comparison; "" is none.
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

// value reads what is compared with: a text in quotes, or all up to the bracket.
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
