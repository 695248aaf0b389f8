package class

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"ovhcloud-csi-provider/provider/encoding"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/volume"
)

// MaxKey bounds secretKey in bytes.
const MaxKey = 1024

// objectFields is every field of an object with what reads it.
var objectFields = map[string]func(*Object, string) error{
	"secretPath": func(o *Object, v string) error {
		o.SecretPath = v
		if err := CheckSecretPath(v); err != nil {
			return fmt.Errorf("%s %w", message.Quote(v), err)
		}
		return nil
	},
	"objectName": func(o *Object, v string) error {
		o.ObjectName = v
		if err := volume.CheckName(v); err != nil {
			return fmt.Errorf("%s %w", message.Quote(v), err)
		}
		if isMistyped(v) {
			return fmt.Errorf("%s cannot be meant as the name of a file", message.Quote(v))
		}
		return nil
	},
	"secretKey": func(o *Object, v string) error {
		o.SecretKey = v
		if len(v) > MaxKey {
			return fmt.Errorf("is %d bytes long; at most %d are read", len(v), MaxKey)
		}
		return nil
	},
	"allKeys":        func(o *Object, v string) (err error) { o.AllKeys, err = parseBool(v); return err },
	"optional":       func(o *Object, v string) (err error) { o.Optional, err = parseBool(v); return err },
	"objectVersion":  func(o *Object, v string) (err error) { o.Version, err = parseVersion(v); return err },
	"encoding":       func(o *Object, v string) (err error) { o.Encoding, err = encoding.Parse(v); return err },
	"filePermission": func(o *Object, v string) (err error) { o.Mode, err = ParseMode(v); return err },
}

// mayBeEmpty are the fields that templates leave empty where they are not set. They are
// then as if they were not given.
var mayBeEmpty = map[string]bool{"secretKey": true, "objectVersion": true}

// isMistyped says whether a name is a template, is in typographic quotes, or has spaces at
// its ends that are none: valid for a file, and never meant.
func isMistyped(name string) bool {
	const marks = "\u201c\u201d\u201e\u2018\u2019\u201a\u00ab\u00bb"
	first, _ := utf8.DecodeRuneInString(name)
	last, _ := utf8.DecodeLastRuneInString(name)
	odd := func(r rune) bool { return r >= utf8.RuneSelf && (invisible(r) || strings.ContainsRune(marks, r)) }
	return odd(first) || odd(last) || strings.Contains(name, "{{")
}

func fieldNames() []string { return slices.Sorted(maps.Keys(objectFields)) }

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
