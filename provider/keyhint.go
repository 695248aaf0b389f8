package provider

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/rawjson"
)

// pathOperators are the parts of a path that name no key: each element, and queries.
var pathOperators = regexp.MustCompile(`(^|[.|])#($|[.|(])`)

// fileOfKey is the name of a file for a key or path, with its escaped signs as they are:
// tls\.crt makes the file tls.crt.
func fileOfKey(key string) string {
	var name strings.Builder
	for i := 0; i < len(key); i++ {
		if escapes(key, i) {
			i++
		}
		name.WriteByte(key[i])
	}
	return name.String()
}

// escapes says whether a backslash takes the meaning of the sign behind it.
func escapes(key string, i int) bool {
	return key[i] == '\\' && i+1 < len(key) && strings.IndexByte(`.|*?#@!{}[]()=<>%~\`, key[i+1]) >= 0
}

// invisible says whether a sign at the end of a key cannot be seen.
func invisible(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) }

// spaceAtEnds says where white space stands at an end of a key, "" if there is none: a block
// scalar (|) ends in a line break.
func spaceAtEnds(key string) string {
	switch {
	case strings.TrimFunc(key, invisible) == key:
		return ""
	case strings.TrimFunc(key, invisible) == "":
		return "is nothing but white space"
	case strings.HasSuffix(key, "\n"):
		return "ends in a line break"
	case strings.TrimRightFunc(key, invisible) != key:
		return "ends in white space"
	}
	return "begins with white space"
}

// writeKey is the cure for a key with white space at its ends.
func writeKey(key string) string {
	if strings.TrimFunc(key, invisible) == "" {
		return "name a key, or drop secretKey for the whole secret"
	}
	bare := message.Name(strings.TrimFunc(key, invisible))
	return fmt.Sprintf("write secretKey: %s on one line, without white space around it", bare)
}

// mostSpellings bounds how many other spellings of a path are tried, and spellingSteps what
// they may look at, in bytes.
const (
	mostSpellings = 64
	spellingSteps = 1 << 20
)

// otherSpelling returns a path that finds something in a secret where the given one finds
// nothing: with dots escaped that belong to the names of keys, without escapes, or in the
// place of JSONPath and JSON Pointer. It returns "" if none does.
func (r *renderer) otherSpelling(key string, whole rawjson.Value) string {
	steps := rawjson.NewSteps(r.ctx, spellingSteps)
	for _, spelling := range spellings(key) {
		way, err := rawjson.ParsePath(spelling)
		if err != nil {
			continue
		}
		if value, err := whole.Find(way, steps); err == nil && value.Exists() {
			return spelling
		}
	}
	return ""
}

// writeSpelling is the cure where another spelling finds something. Single quotes are right
// in YAML for all that a path holds.
func writeSpelling(spelling string) string {
	cure := fmt.Sprintf("write secretKey: '%s'", strings.ReplaceAll(spelling, "'", "''"))
	if strings.Contains(spelling, `\`) {
		cure += ", since a dot in the name of a key needs a backslash"
	}
	return cure + "; "
}

var (
	jsonPathIndex = regexp.MustCompile(`\[['"]?([^\]'"]+)['"]?\]`)
	jsonPathRoot  = regexp.MustCompile(`^(\$\.?|\.)`)
)

// spellings are what a path may have been meant to be.
func spellings(key string) []string {
	var all []string
	if len(key) > 200 {
		return nil
	}
	bare := jsonPathIndex.ReplaceAllString(jsonPathRoot.ReplaceAllString(key, ""), ".$1")
	if pointer, is := strings.CutPrefix(key, "/"); is {
		bare = strings.ReplaceAll(pointer, "/", ".")
	}
	bare = strings.TrimPrefix(bare, ".")
	all = append(all, bare)
	if unescaped := fileOfKey(bare); unescaped != bare {
		all = append(all, unescaped)
		bare = unescaped
	}
	parts := strings.Split(bare, ".")
	for joined := 1; joined < 1<<(len(parts)-1) && len(all) < mostSpellings; joined++ {
		path := parts[0]
		for i, part := range parts[1:] {
			if joined>>i&1 == 1 {
				path += `\`
			}
			path += "." + part
		}
		all = append(all, path)
	}
	return all
}
