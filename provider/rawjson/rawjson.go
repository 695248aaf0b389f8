// SPDX-License-Identifier: Apache-2.0

// Package rawjson finds values in JSON text and returns them byte for byte as they were sent.
// It builds no tree, so its memory does not depend on the structure of the text. A search by
// path counts every byte that it reads against a budget.
package rawjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"ovhcloud-csi-provider/provider/sensitive"
)

// Value is the text of one valid JSON value, without white space around it. The zero
// value means that there is no value. A Value shares memory with the text that contains it.
type Value []byte

// Format implements fmt.Formatter: values are secret, and none is printed. Convert a Value to
// a string or to bytes to use its text.
func (v Value) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, sensitive.Redacted) }

// Parse returns data as a Value. It returns false if data is not exactly one JSON value
// (RFC 8259), or has more than 10,000 levels, which is the limit of encoding/json.
func Parse(data []byte) (Value, bool) {
	if !json.Valid(data) {
		return nil, false
	}
	return bytes.Trim(data, " \t\r\n"), true
}

// Exists reports whether there is a value. A JSON null is a value.
func (v Value) Exists() bool { return len(v) > 0 }

// IsObject reports whether v is an object.
func (v Value) IsObject() bool { return v.begins('{') }

// IsArray reports whether v is an array.
func (v Value) IsArray() bool { return v.begins('[') }

// IsString reports whether v is a string.
func (v Value) IsString() bool { return v.begins('"') }

func (v Value) begins(c byte) bool { return len(v) > 0 && v[0] == c }

// Kind returns the type of v for a message: for example "an object", "null", or "nothing" if
// there is no value.
func (v Value) Kind() string {
	if len(v) == 0 {
		return "nothing"
	}
	switch v[0] {
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

// Members returns the keys of an object, as JSON strings, with their values, in the order of
// the text; none if v is not an object.
func (v Value) Members() iter.Seq2[Value, Value] {
	return func(yield func(key, value Value) bool) {
		if !v.IsObject() {
			return
		}
		for at := v.space(1); v[at] != '}'; {
			key := v.valueAt(at)
			begin := v.space(v.space(at+len(key)) + 1) // after the colon
			value := v.valueAt(begin)
			if !yield(key, value) {
				return
			}
			at = v.next(begin + len(value))
		}
	}
}

// Elements returns the elements of an array in order; none if v is not an array.
func (v Value) Elements() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		if !v.IsArray() {
			return
		}
		for at := v.space(1); v[at] != ']'; {
			element := v.valueAt(at)
			if !yield(element) {
				return
			}
			at = v.next(at + len(element))
		}
	}
}

// Tokens returns the tokens of a value in the order of the text: each bracket, comma, colon,
// string, number and literal, without the white space between them. Members and Elements look at
// nested values again; Tokens looks at each byte once.
func (v Value) Tokens() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		for at := v.space(0); at < len(v); {
			end := at + 1
			if strings.IndexByte("[]{},:", v[at]) < 0 {
				end = v.end(at)
			}
			if !yield(v[at:end:end]) {
				return
			}
			at = v.space(end)
		}
	}
}

// next returns the offset of the next member or element, or of the closing bracket. at is the
// offset after the previous one.
func (v Value) next(at int) int {
	if at = v.space(at); v[at] == ',' {
		at = v.space(at + 1)
	}
	return at
}

// valueAt returns the value that begins at an offset.
func (v Value) valueAt(at int) Value {
	end := v.end(at)
	return v[at:end:end]
}

// space returns the first offset from at on that is not white space.
func (v Value) space(at int) int {
	for at < len(v) && (v[at] == ' ' || v[at] == '\n' || v[at] == '\t' || v[at] == '\r') {
		at++
	}
	return at
}

// end returns the offset after the value that begins at at.
func (v Value) end(at int) int {
	switch v[at] {
	case '"':
		return v.endOfString(at)
	case '{', '[':
		return v.endOfNested(at)
	}
	for at < len(v) {
		switch v[at] {
		case ',', ']', '}', ' ', '\n', '\t', '\r':
			return at
		}
		at++
	}
	return at
}

// endOfString does the same as end, for a string.
func (v Value) endOfString(at int) int {
	for at++; v[at] != '"'; at++ {
		if v[at] == '\\' {
			at++
		}
	}
	return at + 1
}

// endOfNested does the same as end, for an object or an array.
func (v Value) endOfNested(at int) int {
	for depth := 0; ; at++ {
		switch v[at] {
		case '"':
			at = v.endOfString(at) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return at + 1
			}
		}
	}
}

// Is reports whether v is a string that decodes to text.
func (v Value) Is(text string) bool {
	if !v.IsString() {
		return false
	}
	inner := v[1 : len(v)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return string(inner) == text
	}
	if len(inner) < len(text) || len(inner) > 6*len(text) {
		return false // an escape has at most six times the bytes that it encodes
	}
	got, ok := v.Unquote()
	return ok && string(got) == text
}

// Unquote returns the bytes that a string encodes. v must be a string. Unlike encoding/json, it
// inserts no U+FFFD: bytes that are not UTF-8 are kept, and for half a UTF-16 surrogate pair,
// which encodes nothing, it returns false. The caller owns the result.
func (v Value) Unquote() (text []byte, ok bool) {
	raw := v[1 : len(v)-1]
	out := make([]byte, 0, len(raw))
	for len(raw) > 0 {
		at := bytes.IndexByte(raw, '\\')
		if at < 0 {
			return append(out, raw...), true
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
				return nil, false
			}
			if r = utf16.DecodeRune(r, hexRune(raw[2:6])); r == utf8.RuneError {
				return nil, false
			}
			raw = raw[6:]
		}
		out = utf8.AppendRune(out, r)
	}
	return out, true
}

// escaped returns the byte that a backslash and c encode (RFC 8259, section 7).
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

// hexRune returns the value of four hexadecimal digits.
func hexRune(digits []byte) rune {
	r, _ := strconv.ParseUint(string(digits), 16, 16)
	return rune(r)
}
