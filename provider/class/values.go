// SPDX-License-Identifier: Apache-2.0

package class

import (
	"fmt"
	"strconv"
	"strings"
	"time"
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
	switch v {
	case "latest":
		return Latest, nil
	case "latest-active":
		return LatestActive, nil
	}
	n, ok := parseNumber(v, okms.MaxVersion)
	if !ok {
		return 0, fmt.Errorf("%s is neither a version number from 1 to %d, nor latest, nor latest-active", message.Quote(v),
			okms.MaxVersion)
	}
	return n, nil
}

// maxHistory bounds how many versions an object may have files of.
const maxHistory = 100

func parseHistory(v string) (int, error) {
	n, ok := parseNumber(v, maxHistory)
	if !ok {
		return 0, fmt.Errorf("%s is not a number of versions from 1 to %d", message.Quote(v), maxHistory)
	}
	return n, nil
}

// parseNumber reads a number from 1 to most, without leading zeros.
func parseNumber(v string, most int) (int, bool) {
	n, err := strconv.ParseUint(v, 10, 32)
	ok := err == nil && (v[0] != '0' || len(v) == 1) && n >= 1 && n <= uint64(most)
	return int(n), ok
}

// maxRefresh bounds refreshInterval.
const maxRefresh = 168 * time.Hour

func parseRefresh(v string) (time.Duration, error) {
	d, err := time.ParseDuration(v)
	switch {
	case err != nil && isDigits(v):
		return 0, fmt.Errorf("%s has no unit; write %ss, or another duration such as 30m", message.Quote(v),
			message.Bound(v, 10))
	case err != nil:
		return 0, fmt.Errorf("%s is not a duration, such as 90s, 30m or 12h", message.Quote(v))
	case d < 0:
		return 0, fmt.Errorf("%s is negative; 0 asks as often as --cache-ttl says", message.Quote(v))
	case d > maxRefresh:
		return 0, fmt.Errorf("%s is too long; at most %d hours are possible", message.Quote(v), int(maxRefresh.Hours()))
	}
	return d, nil
}

func isDigits(v string) bool {
	return v != "" && strings.Trim(v, "0123456789") == ""
}

// MaxKey bounds secretKey in bytes.
const MaxKey = 1024

func checkKey(v string) error {
	if len(v) > MaxKey {
		return fmt.Errorf("is %d bytes long; at most %d are read", len(v), MaxKey)
	}
	return nil
}
