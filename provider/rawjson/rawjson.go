// Package rawjson reads JSON as text: where values begin and end, and what a path into
// them finds, byte for byte as it was sent. It makes no tree of them, so what it takes
// in memory does not depend on what the text holds, and every byte that it looks at is
// a step that is counted.
package rawjson

import (
	"bytes"
	"encoding/json"
	"iter"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Value is the text of one valid JSON value, without white space around it. The zero
// value stands for no value. It shares memory with the text that it was found in.
type Value []byte

// Parse is data as a Value. It says false if data is not one JSON value (RFC 8259) or
// nests deeper than encoding/json reads, 10,000 levels.
func Parse(data []byte) (Value, bool) {
	if !json.Valid(data) {
		return nil, false
	}
	return bytes.Trim(data, " \t\r\n"), true
}

// Exists says whether there is a value. A JSON null is one.
func (v Value) Exists() bool { return len(v) > 0 }

// IsObject, IsArray and IsString say which kind of value it is.
func (v Value) IsObject() bool { return v.begins('{') }

// IsArray: see IsObject.
func (v Value) IsArray() bool { return v.begins('[') }

// IsString: see IsObject.
func (v Value) IsString() bool { return v.begins('"') }

func (v Value) begins(c byte) bool { return len(v) > 0 && v[0] == c }

// Kind names the kind of value for a message: "an object", "null", "nothing".
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

// Members are the keys of an object, each a JSON string, with their values, in the
// order of the text. Of what is no object there are none.
func (v Value) Members() iter.Seq2[Value, Value] {
	return func(yield func(key, value Value) bool) {
		if !v.IsObject() {
			return
		}
		for at := v.space(1); v[at] != '}'; {
			key := v.valueAt(at)
			begin := v.space(v.space(at+len(key)) + 1) // behind the colon
			value := v.valueAt(begin)
			if !yield(key, value) {
				return
			}
			at = v.next(begin + len(value))
		}
	}
}

// Elements are those of an array, in their order. Of what is no array there are none.
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

// next is where the next member or element begins, or the bracket that ends them, for
// the place behind one.
func (v Value) next(at int) int {
	if at = v.space(at); v[at] == ',' {
		at = v.space(at + 1)
	}
	return at
}

// valueAt is the value that begins at a place.
func (v Value) valueAt(at int) Value {
	end := v.end(at)
	return v[at:end:end]
}

// space is the first place from at on that is no white space.
func (v Value) space(at int) int {
	for at < len(v) && (v[at] == ' ' || v[at] == '\n' || v[at] == '\t' || v[at] == '\r') {
		at++
	}
	return at
}

// end is the place behind the value that begins at a place.
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

func (v Value) endOfString(at int) int {
	for at++; v[at] != '"'; at++ {
		if v[at] == '\\' {
			at++
		}
	}
	return at + 1
}

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

// Is says whether a string stands for text.
func (v Value) Is(text string) bool {
	if !v.IsString() {
		return false
	}
	inner := v[1 : len(v)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return string(inner) == text
	}
	if len(inner) < len(text) || len(inner) > 6*len(text) {
		return false // an escape is longer than what it stands for, six times at most
	}
	got, ok := v.Unquote()
	return ok && string(got) == text
}

// Unquote gives the bytes that a string stands for. Unlike encoding/json it puts no
// U+FFFD for what it cannot represent: bytes that are not UTF-8 stay as they are, and
// half a UTF-16 surrogate pair, which stands for no bytes, is not ok. The result
// shares no memory with v.
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
