// SPDX-License-Identifier: Apache-2.0

package template

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/nearest"
	"ovhcloud-csi-provider/provider/rawjson"
)

// run is one execution of a template.
type run struct {
	steps *rawjson.Steps
	left  int // bytes that may still be written
	room  int // bytes that functions may still make
	// source is the text of the template.
	source string
	// secrets are the values of the sources, whose keys may be told.
	secrets []any
}

// number is a number of JSON, as it is stored.
type number = json.Number

// halfPair is a text with half a UTF-16 surrogate pair, which stands for no bytes.
type halfPair struct{}

// problem is an error of a function. Its text shows no value.
type problem string

func (p problem) Error() string { return string(p) }

func problemf(format string, args ...any) error { return problem(fmt.Sprintf(format, args...)) }

// take takes steps for n bytes, and some for a call.
func (r *run) take(n int) error {
	return r.steps.Take(n + 64)
}

const maxNesting = 200

// decode returns the value of a JSON text: string, number, bool, nil, []any or map[string]any.
func (r *run) decode(v rawjson.Value, depth int) (any, error) {
	if depth == 0 || v.IsArray() || v.IsObject() { // which are looked through at each level
		if err := r.take(len(v)); err != nil {
			return nil, err
		}
	}
	switch {
	case depth > maxNesting:
		return nil, problemf("holds more than %d lists or maps within one another", maxNesting)
	case v.IsString():
		text, ok := v.Unquote()
		if !ok {
			return halfPair{}, nil
		}
		return string(text), nil
	case v.IsArray():
		all := []any{}
		for element := range v.Elements() {
			one, err := r.decode(element, depth+1)
			if err != nil {
				return nil, err
			}
			all = append(all, one)
		}
		return all, nil
	case v.IsObject():
		return r.decodeMap(v, depth)
	}
	switch string(v) {
	case "true", "false":
		return string(v) == "true", nil
	case "null":
		return nil, nil
	}
	return number(v), nil
}

func (r *run) decodeMap(v rawjson.Value, depth int) (any, error) {
	all := map[string]any{}
	for key, value := range v.Members() {
		raw, ok := key.Unquote()
		if !ok {
			return nil, problem("holds a key with half a UTF-16 surrogate pair, which stands for no bytes")
		}
		if _, twice := all[string(raw)]; twice {
			return nil, problem("holds a key twice in one map")
		}
		one, err := r.decode(value, depth+1)
		if err != nil {
			return nil, err
		}
		all[string(raw)] = one
	}
	return all, nil
}

// text returns a value as text. Lists, maps and null are none.
func (r *run) text(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, r.take(len(v))
	case number:
		return string(v), r.take(len(v))
	case bool, int:
		return fmt.Sprint(v), r.take(8)
	case nil:
		return "", problem("the value is null; give another one with default")
	case halfPair:
		return "", problem("the text holds half a UTF-16 surrogate pair, which stands for no bytes")
	case []any, []string:
		return "", problem("the value is a list; use join, index or toJson")
	case map[string]any, map[string]string:
		return "", problem("the value is a map; name one of its keys, or use toJson")
	}
	return "", problem("the value is no text")
}

// plain returns a value that JSON can be made of, and takes steps and memory for all of it and for its
// JSON: a map of the template may hold another one many times. Numbers of the template's own stay what
// they are.
func (r *run) plain(v any, depth int) (any, error) {
	if depth > maxNesting {
		return nil, problemf("the value holds more than %d lists or maps within one another", maxNesting)
	}
	if err := r.makes(perElement + jsonCopies*4*depth); err != nil { // toPrettyJson indents both ends
		return nil, err
	}
	switch v := v.(type) {
	case []any:
		all := make([]any, 0, min(len(v), 1024))
		for _, one := range v {
			p, err := r.plain(one, depth+1)
			if err != nil {
				return nil, err
			}
			all = append(all, p)
		}
		return all, nil
	case []string:
		for _, one := range v {
			if _, err := r.plain(one, depth+1); err != nil {
				return nil, err
			}
		}
		return v, nil
	case map[string]any:
		return r.plainMap(v, depth)
	case map[string]string:
		if err := r.makes(perMap); err != nil {
			return nil, err
		}
		for key, one := range v {
			if _, err := r.plain(key+one, depth); err != nil {
				return nil, err
			}
		}
		return maps.Clone(v), nil
	case nil, bool, int:
		return v, nil
	}
	if n, is := v.(number); is {
		return n, r.makes(jsonCopies * len(n))
	}
	text, err := r.text(v)
	if err == nil {
		err = r.makes(jsonCopies * jsonLength(text))
	}
	if err == nil && !utf8.ValidString(text) {
		err = problem("the text is not UTF-8, which JSON and YAML cannot hold")
	}
	return text, err
}

func (r *run) plainMap(v map[string]any, depth int) (any, error) {
	if err := r.makes(perMap); err != nil {
		return nil, err
	}
	all := map[string]any{}
	for key, one := range v {
		p, err := r.plain(one, depth+1)
		if err != nil {
			return nil, err
		}
		if _, err := r.plain(key, depth); err != nil {
			return nil, err
		}
		all[key] = p
	}
	return all, nil
}

// jsonCopies is how often a JSON text is in memory while it is made: two buffers, which grow by
// doubling, and the result.
const jsonCopies = 6

// jsonLength returns the length of a text in JSON, at most.
func jsonLength(text string) int {
	n := len(text) + 2
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			n++
		case c < ' ' || c == 0x7f || c == 0xe2: // U+2028 and U+2029 begin with e2
			n += 5
		}
	}
	return n
}

// entry returns an element of a list or a map.
func (r *run) entry(v, key any) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		name, err := r.text(key)
		if err != nil {
			return nil, err
		}
		if one, ok := v[name]; ok {
			return one, nil
		}
		return nil, problem("there is no such key") // which may have been made of a value
	case map[string]string: // of split
		name, err := r.text(key)
		if one, ok := v[name]; ok || err != nil {
			return one, err
		}
		return nil, problem("there are not so many parts")
	case []any:
		if at, ok := key.(int); ok && at >= 0 && at < len(v) {
			return v[at], nil
		}
		return nil, problemf("the list has %d elements; the first one is 0", len(v))
	case []string:
		if at, ok := key.(int); ok && at >= 0 && at < len(v) {
			return v[at], nil
		}
		return nil, problemf("the list has %d elements; the first one is 0", len(v))
	}
	return nil, problem("the value is neither a list nor a map")
}

// noKey is the error for a name of the template that a map does not have. It names the keys of a
// secret, and none of a map that was made of values.
func (r *run) noKey(in map[string]any, name string) error {
	if !slices.ContainsFunc(r.secrets, func(v any) bool {
		return reflect.ValueOf(v).Kind() == reflect.Map && reflect.ValueOf(v).Pointer() == reflect.ValueOf(in).Pointer()
	}) {
		return problemf("there is no key %s", message.Quote(name))
	}
	keys := slices.Sorted(maps.Keys(in))
	if len(keys) == 0 {
		return problemf("there is no key %s, and no other", message.Quote(name))
	}
	var shown []string
	for _, key := range keys[:min(len(keys), 20)] {
		shown = append(shown, message.Quote(key))
	}
	if more := len(keys) - len(shown); more > 0 {
		shown = append(shown, fmt.Sprintf("and %d more", more))
	}
	near := ""
	if n := nearest.Name(name, keys); n != "" {
		near = fmt.Sprintf("; did you mean %s?", message.Quote(n))
	}
	return problemf("there is no key %s%s The keys are %s", message.Quote(name), strings.Replace(near+".", "?.", "?", 1),
		strings.Join(shown, ", "))
}

// makes takes steps and memory for a text of n bytes that a function makes.
func (r *run) makes(n int) error {
	if r.room -= n; r.room < 0 {
		return problem("has functions that make too much")
	}
	return r.take(n)
}

// texts returns values as texts, and how many bytes they have together.
func (r *run) texts(values ...any) (all []string, size int, err error) {
	for _, v := range values {
		text, err := r.text(v)
		if err != nil {
			return nil, 0, err
		}
		all, size = append(all, text), size+len(text)
	}
	return all, size, nil
}
