// SPDX-License-Identifier: Apache-2.0

package okms

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// escapes are characters by number: %2E in URLs, \u002e in JSON, \x2e, and &#46; or &#x2e; in HTML.
var escapes = regexp.MustCompile(`%([0-9a-fA-F]{2})|\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})|&#[xX]([0-9a-fA-F]{1,6});|&#([0-9]{1,7});`)

// nested is how often a text is decoded: %252E is %2E.
const nested = 3

// plain returns the letters and digits of a text, without case and escapes. So a secret is found that
// was escaped character by character, split by spaces or signs, or printed in other case.
func plain(text string) string {
	for range nested {
		if !strings.ContainsAny(text, `%\&`) {
			break
		}
		text = escapes.ReplaceAllStringFunc(text, unescape)
	}
	out := make([]byte, 0, len(text))
	for i := range len(text) {
		switch c := text[i]; {
		case 'A' <= c && c <= 'Z':
			out = append(out, c-'A'+'a')
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			out = append(out, c)
		}
	}
	return string(out)
}

// unescape returns the character of one of the escapes.
func unescape(escape string) string {
	digits, base := strings.TrimLeft(escape, `%\ux&#X`), 16
	if strings.HasPrefix(escape, "&#") && !strings.ContainsAny(escape, "xX") {
		base = 10
	}
	n, err := strconv.ParseUint(strings.TrimSuffix(digits, ";"), base, 32)
	if err != nil || n > utf8.MaxRune {
		return ""
	}
	if n < utf8.RuneSelf {
		return string(rune(n))
	}
	return " "
}

// isDisguised reports whether a text has a part of a form, without the difference that plain removes. The forms
// are plain.
func isDisguised(text string, forms []string) bool {
	text = plain(text)
	parts := partsOf(text)
	hidden := make([]bool, len(text))
	for _, form := range forms {
		if len(form) >= leastPart {
			parts.hide(hidden, form)
		}
	}
	return slices.Contains(hidden, true)
}
