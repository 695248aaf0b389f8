package class

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"ovhcloud-csi-provider/provider/message"
)

// pathOperators are the parts of a path that name no key: each element, and queries.
var pathOperators = regexp.MustCompile(`(^|[.|])#($|[.|(])`)

// FileOfKey is the name of a file for a key or path, with its escaped signs as they are:
// tls\.crt makes the file tls.crt.
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

// escapes says whether a backslash takes the meaning of the sign behind it.
func escapes(key string, i int) bool {
	return key[i] == '\\' && i+1 < len(key) && strings.IndexByte(`.|*?#@!{}[]()=<>%~\`, key[i+1]) >= 0
}

// invisible says whether a sign at the end of a key cannot be seen.
func invisible(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) }

// SpaceAtEnds says where white space stands at an end of a key, "" if there is none: a block
// scalar (|) ends in a line break.
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

// WriteKey is the cure for a key with white space at its ends.
func WriteKey(key string) string {
	if strings.TrimFunc(key, invisible) == "" {
		return "name a key, or drop secretKey for the whole secret"
	}
	bare := message.Name(strings.TrimFunc(key, invisible))
	return fmt.Sprintf("write secretKey: %s on one line, without white space around it", bare)
}
