package render

import (
	"fmt"
	"regexp"
	"strings"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/rawjson"
)

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
	if unescaped := class.FileOfKey(bare); unescaped != bare {
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
