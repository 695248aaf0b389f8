package class

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/okms"
)

// isMistyped reports whether a name is a template, is in typographic quotes, or has
// invisible characters at its ends: valid for a file, and never meant.
func isMistyped(name string) bool {
	const marks = "\u201c\u201d\u201e\u2018\u2019\u201a\u00ab\u00bb"
	first, _ := utf8.DecodeRuneInString(name)
	last, _ := utf8.DecodeLastRuneInString(name)
	odd := func(r rune) bool { return r >= utf8.RuneSelf && (invisible(r) || strings.ContainsRune(marks, r)) }
	return odd(first) || odd(last) || strings.Contains(name, "{{")
}

func parseBool(v string) (bool, error) {
	switch v {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, fmt.Errorf("%s is neither true nor false", message.Quote(v))
}

func parseVersion(v string) (int, error) {
	if v == "latest" {
		return 0, nil
	}
	n, err := strconv.ParseUint(v, 10, 32)
	if err != nil || v[0] == '0' && len(v) > 1 || n < 1 || n > okms.MaxVersion {
		return 0, fmt.Errorf("%s is neither a version number from 1 to %d nor latest", message.Quote(v), okms.MaxVersion)
	}
	return int(n), nil
}
