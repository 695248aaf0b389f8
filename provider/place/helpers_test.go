// SPDX-License-Identifier: Apache-2.0

package place

import (
	"encoding/base64"
	"regexp"
	"strings"
)

// placeOf returns the domain of fields, and its errors, one on each line.
func placeOf(fields map[string]string) (Domain, string) {
	var wrong []string
	p := Parse(fields, MaxBundleOfMount, func(field string, err error) { wrong = append(wrong, field+": "+err.Error()) })
	return p, strings.Join(wrong, "\n")
}

const testID = "734b9b45-8b1a-469c-b140-b10bd6540017"

// wrapped64 returns what `base64` prints, with line breaks at 76 characters.
func wrapped64(text string) string {
	return regexp.MustCompile(`.{76}`).ReplaceAllString(base64.StdEncoding.EncodeToString([]byte(text)), "$0\n")
}
