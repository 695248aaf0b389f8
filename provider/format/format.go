// SPDX-License-Identifier: Apache-2.0

// Package format writes keys of a secret as one file: as JSON, YAML, variables or properties. The
// same keys always give the same bytes.
//
// It does not read secrets, and knows no names of files.
package format

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/nearest"
	"ovhcloud-csi-provider/provider/rawjson"
)

// Format is the form of a file.
type Format string

// The formats. docs/formats.md has their rules.
const (
	JSON       Format = "json"       // an object, its keys and values byte for byte as they are stored
	YAML       Format = "yaml"       // a mapping that parsers of YAML 1.1 and 1.2 read alike
	Env        Format = "env"        // NAME='value', as kubelet reads it for fileKeyRef
	Dotenv     Format = "dotenv"     // NAME='value' or NAME="value", as the common libraries read it alike
	Properties Format = "properties" // as java.util.Properties reads it
)

// Growth is by how much the file can be larger than the JSON text of its keys and values: a DEL is
// one byte there, and six in properties. A file without keys has three bytes at most.
const Growth = 6

// perKey is the number of steps for each key of a map in YAML, in addition to its bytes.
const perKey = 32

// writers has a function for each format that writes one key into a file.
var writers = map[Format]func(w *writer, m Member) error{
	JSON: (*writer).json, YAML: (*writer).yaml, Env: (*writer).env, Dotenv: (*writer).dotenv,
	Properties: (*writer).properties,
}

// Parse returns the format with a name. The error suggests a valid name.
func Parse(name string) (Format, error) {
	if f := Format(name); writers[f] != nil {
		return f, nil
	}
	valid := []string{string(JSON), string(YAML), string(Env), string(Dotenv), string(Properties)}
	return "", fmt.Errorf("%s is not a format; %s", message.Quote(name), nearest.Suggestion(name, valid))
}

// Error is why a format cannot carry a value. Its text does not quote the value.
type Error struct{ Key, What string }

// Error returns what is wrong, without the key.
func (e *Error) Error() string { return e.What }

// Write returns the file of the members, in their order. Each key must be there once. The error is
// an *Error, or that of the steps, of which the members take as many as they have bytes, and in YAML
// more for the keys of maps, which are sorted to find one that is there twice. A format that Parse
// does not know is an error too.
func (f Format) Write(members []Member, steps *rawjson.Steps) ([]byte, error) {
	write := writers[f]
	if write == nil {
		return nil, fmt.Errorf("%s is not a format", message.Quote(string(f)))
	}
	w := &writer{first: true, out: []byte{}}
	for _, m := range members {
		cost := len(m.Raw) + len(m.Value)
		if f == YAML {
			cost += perKey * bytes.Count(m.Value, []byte(":"))
		}
		if err := steps.Take(cost); err != nil {
			return nil, err
		}
		if !utf8.ValidString(m.Key) && f != JSON {
			return nil, &Error{m.Key, "is a key that is not UTF-8"}
		}
		if err := write(w, m); err != nil {
			return nil, &Error{m.Key, err.Error()}
		}
		w.first = false
	}
	switch {
	case f == JSON && w.first:
		w.add("{}")
	case f == JSON:
		w.add("}")
	case f == YAML && w.first:
		w.add("{}\n")
	}
	return w.out, nil
}

// json writes a key of an object.
func (w *writer) json(m Member) error {
	before := ","
	if w.first {
		before = "{"
	}
	w.add(before, string(m.Raw), ":", string(m.Value))
	return nil
}
