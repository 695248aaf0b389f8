package provider

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// member is one key of a JSON object with the text of its value, byte for byte.
type member struct {
	key string
	raw json.RawMessage
}

// errNotObject says that a secret is not what OKMS documents: a JSON object.
var errNotObject = errors.New("is not a JSON object")

// members reads a JSON object in its own order. Its errors quote no value.
func members(data []byte) ([]member, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	if first, err := dec.Token(); err != nil || first != json.Delim('{') {
		return nil, errNotObject
	}
	var list []member
	seen := map[string]bool{}
	for dec.More() {
		token, err := dec.Token()
		key, isKey := token.(string)
		if err != nil || !isKey {
			return nil, errNotObject
		}
		m := member{key: key}
		if dec.Decode(&m.raw) != nil {
			return nil, errNotObject
		}
		if seen[key] {
			return nil, fmt.Errorf("holds the key %s twice", quoted(key))
		}
		seen[key] = true
		list = append(list, m)
	}
	return list, nil
}

// lookup finds a value by a path into nested JSON, in the language of External
// Secrets Operator's "property" (gjson), as far as checkPath lets it. The text
// found is that of the data. nil means that there is no such value.
func lookup(data []byte, path string) ([]byte, error) {
	if err := checkPath(path); err != nil {
		return nil, err
	}
	found := gjson.GetBytes(data, path)
	if !found.Exists() || !gjson.Valid(found.Raw) {
		return nil, nil
	}
	return []byte(found.Raw), nil
}

// checkPath refuses what gjson has beside names, indexes and queries. Modifiers,
// literals and multipaths make new JSON, a few in a row any amount of it, and a
// pod may choose the path. Wildcards take the first key that matches, which is
// the wrong one as soon as another is added. What is not closed finds nothing,
// and an optional object would be left out for ever.
func checkPath(path string) error {
	open, atStart := 0, true
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case atStart && strings.IndexByte("@!{[", c) >= 0:
			return fmt.Errorf("modifiers, literals and multipaths (%c) are not supported in a path", c)
		case open == 0 && (c == '*' || c == '?'):
			return fmt.Errorf("wildcards (%c) are not supported in a path; in the name of a key, put a backslash in front", c)
		case c == '\\':
			i++
			atStart = false
			continue
		case c == '(':
			open++
		case c == ')':
			open--
		}
		atStart = strings.IndexByte(".|(", path[i]) >= 0
	}
	if open != 0 {
		return errors.New("a query's brackets do not match")
	}
	return nil
}

// kindOfJSON names the type of a JSON value for a message.
func kindOfJSON(raw []byte) string {
	raw = bytes.TrimLeft(raw, " \t\r\n")
	if len(raw) == 0 {
		return "nothing"
	}
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

// errLoneSurrogate: JSON can spell half of a UTF-16 pair, but no bytes are it.
var errLoneSurrogate = errors.New("holds half a UTF-16 surrogate pair, which stands for no bytes")

// unquote gives the bytes that a JSON string stands for. Unlike encoding/json it
// puts no U+FFFD for what it cannot represent: bytes that are not UTF-8 stay as
// they are, and half a surrogate pair is an error. raw must be a valid JSON
// string. The result shares no memory with raw.
func unquote(raw []byte) ([]byte, error) {
	raw = raw[1 : len(raw)-1]
	out := make([]byte, 0, len(raw))
	for len(raw) > 0 {
		at := bytes.IndexByte(raw, '\\')
		if at < 0 {
			return append(out, raw...), nil
		}
		out = append(out, raw[:at]...)
		raw = raw[at+1:]
		if raw[0] != 'u' {
			out, raw = append(out, escaped(raw[0])), raw[1:]
			continue
		}
		r := hexRune(raw[1:5])
		raw = raw[5:]
		if utf16.IsSurrogate(r) {
			if len(raw) < 6 || raw[0] != '\\' || raw[1] != 'u' {
				return nil, errLoneSurrogate
			}
			if r = utf16.DecodeRune(r, hexRune(raw[2:6])); r == utf8.RuneError {
				return nil, errLoneSurrogate
			}
			raw = raw[6:]
		}
		out = utf8.AppendRune(out, r)
	}
	return out, nil
}

// escaped is the byte that a backslash and c stand for (RFC 8259, section 7).
func escaped(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c // a quote, a slash or a backslash
}

func hexRune(digits []byte) rune {
	r, _ := strconv.ParseUint(string(digits), 16, 16)
	return rune(r)
}
