// SPDX-License-Identifier: Apache-2.0

package format

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"ovhcloud-csi-provider/provider/rawjson"
)

var (
	// plain matches texts that need no quotes in YAML, unless words has them or exponent matches.
	plain = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_-]*$`)
	// exponent matches what the library yaml of npm takes for a number of YAML 1.1.
	exponent = regexp.MustCompile(`^[eE]-?[0-9_]+$`)
)

// words are texts, in lower case, that a parser of YAML 1.1 or 1.2 takes for something other than a
// string. The last three are numbers to parsers that give a plain scalar to strtod.
var words = map[string]bool{
	"y": true, "n": true, "yes": true, "no": true, "true": true, "false": true, "on": true, "off": true, "null": true,
	"_": true, "nan": true, "inf": true, "infinity": true,
}

const (
	longestWord = len("infinity")
	// maxDepth bounds how deep lists and maps may be nested, the map of the file included: SnakeYAML
	// reads no more (nestingDepthLimit), and js-yaml reads 100.
	maxDepth = 50
	// longKey is the length in bytes from which a key is written with a question mark. Without one,
	// a key and its quotes end within 1,024 characters (YAML 1.2.2, section 7.4.2).
	longKey = 1000
)

var (
	errDeep  = fmt.Errorf("holds more than %d lists or maps within one another", maxDepth-1)
	errTwice = errors.New("holds a map that has a key twice, which YAML does not allow")
)

// yaml writes a key of a mapping. Lists and maps within it are on one line.
func (w *writer) yaml(m Member) error {
	if w.key(m.Key) {
		w.add("\n")
	}
	w.add(": ")
	if err := w.flow(m.Value); err != nil {
		return err
	}
	w.add("\n")
	return nil
}

// key writes a key of a mapping, up to its colon. It reports whether the key is a long one.
func (w *writer) key(text string) (long bool) {
	begin := len(w.out)
	w.scalar(text)
	if len(w.out)-begin < longKey {
		return false
	}
	w.out = append(w.out[:begin], "? "...)
	w.scalar(text)
	return true
}

// flow is the state in which a value is written.
type flow struct {
	*writer
	open []nested
	keys []string // of the maps in open, one map after the other
}

// nested is a list or a map that is not written to its end.
type nested struct {
	isMap  bool
	key    bool // whether a key of the map comes next
	before int  // the number of keys of the maps around it
}

// flow writes a value. Numbers, true, false and null are those of JSON, byte for byte.
func (w *writer) flow(v rawjson.Value) error {
	f := flow{writer: w}
	for token := range v.Tokens() {
		if err := f.token(token); err != nil {
			return err
		}
	}
	return nil
}

func (f *flow) token(token rawjson.Value) error {
	in := &nested{}
	if len(f.open) > 0 {
		in = &f.open[len(f.open)-1]
	}
	switch token[0] {
	case '"':
		return f.text(token, in)
	case '{', '[':
		if len(f.open)+2 > maxDepth {
			return errDeep
		}
		f.open = append(f.open, nested{token.IsObject(), token.IsObject(), len(f.keys)})
	case '}', ']':
		// Maps of keys would take ten times the memory of a value of small maps.
		keys := f.keys[in.before:]
		slices.Sort(keys)
		if len(slices.Compact(keys)) < len(f.keys)-in.before {
			return errTwice
		}
		f.keys, f.open = f.keys[:in.before], f.open[:len(f.open)-1]
	case ',':
		in.key = in.isMap
		f.add(", ")
		return nil
	case ':':
		f.add(": ")
		return nil
	}
	f.out = append(f.out, token...)
	return nil
}

// text writes a string, which is a key or a value.
func (f *flow) text(token rawjson.Value, in *nested) error {
	text, err := unquote(token)
	switch {
	case err != nil:
		return err
	case !in.key:
		f.scalar(text)
		return nil
	}
	f.keys, in.key = append(f.keys, text), false
	if f.key(text) {
		f.add(" ")
	}
	return nil
}

// scalar writes a text: as it is, or in double quotes with escapes that YAML 1.1 has too.
func (w *writer) scalar(text string) {
	if isPlain(text) {
		w.add(text)
		return
	}
	w.add(`"`)
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			w.out = append(w.out, '\\', byte(r))
		case r == '\n':
			w.add(`\n`)
		case r == '\t':
			w.add(`\t`)
		case r == '\r':
			w.add(`\r`)
		case isPlainSign(r):
			w.out = utf8.AppendRune(w.out, r)
		case r < 0x100:
			w.hex(`\x`, r, 2)
		case r < 0x10000:
			w.hex(`\u`, r, 4)
		default:
			w.hex(`\U`, r, 8)
		}
	}
	w.add(`"`)
}

// isPlain reports whether a text needs no quotes.
func isPlain(text string) bool {
	return plain.MatchString(text) && !exponent.MatchString(text) &&
		(len(text) > longestWord || !words[strings.ToLower(text)])
}

// isPlainSign reports whether a character stands for itself within double quotes for every parser.
func isPlainSign(r rune) bool { return unicode.IsPrint(r) && r != 0xfeff }
