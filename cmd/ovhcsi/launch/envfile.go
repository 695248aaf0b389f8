// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"ovhcloud-csi-provider/provider/format"
	"ovhcloud-csi-provider/provider/sensitive"
)

// parse returns the variables of an env file: what format: env and format: dotenv write, and nothing
// that other readers of such files take for different values. A value is in single quotes, in which
// each character stands for itself; in double quotes without ", $, \ and `; or without quotes, if it
// has only letters, digits and some signs. An error has the line, and never a value.
func parse(f file) (all []variable, err error) {
	lines := map[string]int{}
	rest := f.content.Reveal() // to be the environment of the program
	for line := 1; len(rest) > 0; {
		at := line
		name, value, after, err := assignment(rest)
		line += bytes.Count(rest[:len(rest)-len(after)], []byte("\n"))
		rest = after
		switch {
		case err != nil:
			return nil, fmt.Errorf("%s:%d: %w", f.where(), at, err)
		case name == "":
			continue
		case lines[name] > 0:
			return nil, fmt.Errorf("%s:%d: %s is given twice, first in line %d; remove one of them", f.where(), at, name,
				lines[name])
		}
		lines[name] = at
		all = append(all, variable{name, sensitive.New(value), f.where()})
	}
	return all, nil
}

// assignment takes one assignment, comment or empty line from the beginning of text, and returns what
// follows its line. The name is "" for the latter two.
func assignment(text []byte) (name string, value, after []byte, err error) {
	first, following, _ := bytes.Cut(text, []byte("\n"))
	trimmed := bytes.TrimLeft(bytes.TrimSuffix(first, []byte("\r")), " \t")
	if len(trimmed) == 0 || trimmed[0] == '#' {
		return "", nil, following, nil
	}
	written, _, found := bytes.Cut(trimmed, []byte("="))
	name = string(written)
	switch {
	case !found:
		return "", nil, nil, errors.New("has no =; write NAME='value'")
	case !format.IsVariable(name):
		return "", nil, nil, errors.New("what is before the = is no name of a variable: letters, digits, _ - and . only, " +
			"and no digit or .. first, nor spaces around it")
	}
	value, end, err := quoted(text[bytes.IndexByte(text, '=')+1:])
	if err == nil {
		err = valid(value)
	}
	if err != nil {
		return "", nil, nil, fmt.Errorf("the value of %s %w", name, err)
	}
	comment, after, _ := bytes.Cut(end, []byte("\n"))
	comment = bytes.TrimLeft(bytes.TrimSuffix(comment, []byte("\r")), " \t")
	if len(comment) > 0 && comment[0] != '#' {
		return "", nil, nil, fmt.Errorf("the value of %s has text after its end; write NAME='value'", name)
	}
	return name, value, after, nil
}

// quoted takes a value from the beginning of text, and returns what follows it.
func quoted(text []byte) (value, after []byte, err error) {
	if len(text) == 0 || text[0] != '\'' && text[0] != '"' {
		end := bytes.IndexFunc(text, func(r rune) bool { return !plain(r) })
		if end < 0 {
			end = len(text)
		}
		if end < len(text) && !strings.ContainsRune(" \t\r\n", rune(text[end])) {
			return nil, nil,
				errors.New("has a sign that readers of env files take for different values; put it in single quotes")
		}
		return text[:end], text[end:], nil
	}
	value, after, closed := bytes.Cut(text[1:], text[:1])
	switch {
	case !closed:
		return nil, nil, errors.New("has no quote at its end; the file may have been cut")
	case text[0] == '"' && bytes.ContainsAny(value, "$\\`"):
		return nil, nil,
			errors.New("has a $, \\ or ` in double quotes, which readers of env files take for different values; put it in " +
				"single quotes")
	}
	return value, after, nil
}

// plain reports whether a character may be in a value without quotes.
func plain(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./:,@%+=", r)
}
