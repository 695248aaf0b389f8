// SPDX-License-Identifier: Apache-2.0

package class

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"ovhcloud-csi-provider/provider/message"
)

// pathOperators are the parts of a path that name no key: all elements, and queries.
var pathOperators = regexp.MustCompile(`(^|[.|])#($|[.|(])`)

// FileOfKey returns the file name for a key or path, without the backslashes of escaped
// characters: tls\.crt makes the file tls.crt.
func FileOfKey(key string) string {
	var name strings.Builder
	for i := 0; i < len(key); i++ {
		if escapes(key, i) {
			i++
		}
		name.WriteByte(key[i])
	}
	return name.String()
}

// escapes reports whether a backslash makes the character after it a literal one.
func escapes(key string, i int) bool {
	return key[i] == '\\' && i+1 < len(key) && strings.IndexByte(`.|*?#@!{}[]()=<>%~\`, key[i+1]) >= 0
}

// invisible reports whether a character at the end of a key cannot be seen.
func invisible(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) }

// SpaceAtEnds says at which end of a key there is white space, "" if there is none. A block
// scalar (|) of YAML ends in a line break.
func SpaceAtEnds(key string) string {
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

// WriteKey returns the cure for a key with white space at its ends.
func WriteKey(key string) string {
	if strings.TrimFunc(key, invisible) == "" {
		return "name a key, or drop secretKey for the whole secret"
	}
	bare := message.Name(strings.TrimFunc(key, invisible))
	return fmt.Sprintf("write secretKey: %s on one line, without white space around it", bare)
}
