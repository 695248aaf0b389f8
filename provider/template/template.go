// SPDX-License-Identifier: Apache-2.0

// Package template makes files of secrets by templates in the language of Go's text/template. A
// template is bounded in its text, in its steps and in what it makes, its functions are deterministic
// and do no I/O, and a key that is missing is an error. No error shows a value.
//
// It parses with text/template/parse, and executes by itself: see machine.
//
// It does not read secrets, and knows no names of files.
package template

import (
	"fmt"
	"maps"
	"slices"
	"text/template/parse"

	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/rawjson"
)

// Template is a parsed template. It may be used by several goroutines at once.
type Template struct {
	trees map[string]*parse.Tree
	text  string
	words int // in actions
}

// Parse reads a template. sources are the names of the secrets that it may use, as in {{.db.user}}.
// The error is an *Error.
func Parse(text string, sources []string) (*Template, error) {
	if len(text) > maxText {
		return nil, &Error{What: fmt.Sprintf("is %d bytes long; at most %d are read", len(text), maxText)}
	}
	words, err := scan(text)
	if err != nil {
		return nil, err
	}
	trees := map[string]*parse.Tree{}
	tree := parse.New(name)
	tree.Mode = parse.SkipFuncCheck // the checker suggests names
	if _, err := tree.Parse(text, "", "", trees); err != nil {
		return nil, syntaxError(err)
	}
	if trees[name] == nil {
		trees[name] = tree // it holds nothing but definitions
	}
	if err := check(text, trees, sources); err != nil {
		return nil, err
	}
	return &Template{trees, text, words}, nil
}

// Output returns the most bytes that a template makes of secrets of so many bytes.
func (t *Template) Output(secrets int) int { return min(outputFactor*(len(t.text)+secrets), maxOutput) }

// Size returns about how many bytes the parsed template takes.
func (t *Template) Size() int { return 2*len(t.text) + PerWord*t.words }

// Words returns the number of words in its actions.
func (t *Template) Words() int { return t.words }

// Takes returns the most bytes that Execute takes in memory besides its output, for secrets of so
// many bytes.
func (t *Template) Takes(secrets int) int {
	return roomFactor*t.Output(secrets) + leastRoom + perByte*secrets
}

// Execute returns the file of a template. values are the secrets by the names of the sources, each a
// JSON object. It makes at most so many bytes, see Output, and takes steps for everything that it looks at. The
// error is an *Error, or that of the steps.
func (t *Template) Execute(values map[string]rawjson.Value, most int, steps *rawjson.Steps) ([]byte, error) {
	m := &machine{run: &run{steps: steps, left: most, room: roomFactor*most + leastRoom, source: t.text}, trees: t.trees}
	data := map[string]any{}
	for _, source := range slices.Sorted(maps.Keys(values)) {
		decoded, err := m.decode(values[source], 0)
		if own, is := err.(problem); is {
			return nil, &Error{What: "the secret " + message.Quote(source) + " " + string(own)}
		}
		if err != nil {
			return nil, err
		}
		data[source] = decoded
		m.secrets = append(m.secrets, decoded)
	}
	if err := m.tree(name, data); err != nil {
		return nil, err
	}
	return m.out, nil
}
