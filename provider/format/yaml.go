package format

import (
	"errors"
	"fmt"
	"regexp"
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

// nested is a list or a map that is not written to its end.
type nested struct {
	keys map[string]bool // of a map; nil for a list
	key  bool            // whether a key of the map comes next
}

// flow writes a value. Numbers, true, false and null are those of JSON, byte for byte.
func (w *writer) flow(v rawjson.Value) error {
	var open []nested
	for token := range v.Tokens() {
		last := len(open) - 1
		switch {
		case token.IsString():
			text, err := unquote(token)
			switch {
			case err != nil:
				return err
			case last < 0 || !open[last].key:
				w.scalar(text)
			case open[last].keys[text]:
				return errTwice
			default:
				open[last].keys[text], open[last].key = true, false
				if w.key(text) {
					w.add(" ")
				}
			}
		case token.IsObject() || token.IsArray():
			if len(open)+2 > maxDepth {
				return errDeep
			}
			into := nested{}
			if token.IsObject() {
				into = nested{keys: map[string]bool{}, key: true}
			}
			open = append(open, into)
			w.add(string(token))
		case token[0] == ']' || token[0] == '}':
			open = open[:last]
			w.add(string(token))
		case token[0] == ',':
			open[last].key = open[last].keys != nil
			w.add(", ")
		case token[0] == ':':
			w.add(": ")
		default:
			w.add(string(token))
		}
	}
	return nil
}

// scalar writes a text: as it is, or in double quotes with escapes that YAML 1.1 has too.
func (w *writer) scalar(text string) {
	if plain.MatchString(text) && !words[strings.ToLower(text)] && !exponent.MatchString(text) {
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
			w.out = fmt.Appendf(w.out, `\x%02x`, r)
		case r < 0x10000 && !isPlainSign(r):
			w.out = fmt.Appendf(w.out, `\u%04x`, r)
		case !isPlainSign(r):
			w.out = fmt.Appendf(w.out, `\U%08x`, r)
		default:
			w.out = utf8.AppendRune(w.out, r)
		}
	}
	w.add(`"`)
}

// isPlainSign reports whether a character stands for itself within double quotes for every parser.
func isPlainSign(r rune) bool { return unicode.IsPrint(r) && r != 0xfeff }
