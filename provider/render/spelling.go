// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"regexp"
	"strings"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/rawjson"
)

// mostSpellings limits how many other spellings of a path are tried, and spellingSteps how
// many bytes they may look at.
const (
	mostSpellings = 64
	spellingSteps = 1 << 20
)

// otherSpelling returns a path that finds something in a secret if the given one finds
// nothing: with escaped dots, without escapes, or in place of JSONPath and JSON Pointer. It
// returns "" if none does.
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

// writeSpelling returns the cure if another spelling finds something. In single quotes,
// YAML takes everything that a path may have.
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

// spellings returns what a path may have been meant to be.
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
