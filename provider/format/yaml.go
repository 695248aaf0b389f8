package format

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"ovhcloud-csi-provider/provider/rawjson"
)

// plain matches texts that need no quotes in YAML, unless they are one of words.
var plain = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_-]*$`)

// words are texts that YAML 1.1 or 1.2 takes for something else, in lower case.
var words = map[string]bool{
	"y": true, "n": true, "yes": true, "no": true, "true": true, "false": true, "on": true, "off": true, "null": true,
}

// maxDepth bounds how deep lists and maps may be within one another.
const maxDepth = 100

var errDeep = fmt.Errorf("holds more than %d lists or maps within one another", maxDepth)

// yaml writes a key of a mapping. Lists and maps within it are on one line.
func (w *writer) yaml(m Member) error {
	w.scalar(m.Key)
	w.add(": ")
	if err := w.flow(m.Value, 0); err != nil {
		return err
	}
	w.add("\n")
	return nil
}

// flow writes a value. Numbers, true, false and null are those of JSON, byte for byte.
func (w *writer) flow(v rawjson.Value, depth int) error {
	switch {
	case depth > maxDepth:
		return errDeep
	case v.IsString():
		decoded, err := unquote(v)
		if err != nil {
			return err
		}
		w.scalar(decoded)
	case v.IsArray():
		w.add("[")
		separator := ""
		for element := range v.Elements() {
			w.add(separator)
			if err := w.flow(element, depth+1); err != nil {
				return err
			}
			separator = ", "
		}
		w.add("]")
	case v.IsObject():
		return w.flowMap(v, depth)
	default:
		w.add(string(v))
	}
	return nil
}

func (w *writer) flowMap(v rawjson.Value, depth int) error {
	w.add("{")
	separator := ""
	for key, value := range v.Members() {
		name, err := unquote(key)
		if err != nil {
			return fmt.Errorf("holds a map with a key that %w", err)
		}
		w.add(separator)
		w.scalar(name)
		w.add(": ")
		if err := w.flow(value, depth+1); err != nil {
			return err
		}
		separator = ", "
	}
	w.add("}")
	return nil
}

// scalar writes a text: as it is, or in double quotes with escapes that YAML 1.1 has too.
func (w *writer) scalar(text string) {
	if plain.MatchString(text) && !words[strings.ToLower(text)] && text != "_" {
		w.add(text)
		return
	}
	w.add(`"`)
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			w.add(`\`, string(r))
		case r == '\n':
			w.add(`\n`)
		case r == '\t':
			w.add(`\t`)
		case r == '\r':
			w.add(`\r`)
		case r < 0x100 && !isPlainSign(r):
			w.add(fmt.Sprintf(`\x%02x`, r))
		case r < 0x10000 && !isPlainSign(r):
			w.add(fmt.Sprintf(`\u%04x`, r))
		case !isPlainSign(r):
			w.add(fmt.Sprintf(`\U%08x`, r))
		default:
			w.out = utf8.AppendRune(w.out, r)
		}
	}
	w.add(`"`)
}

// isPlainSign reports whether a character stands for itself within double quotes for every parser.
func isPlainSign(r rune) bool { return unicode.IsPrint(r) && r != 0xfeff }
