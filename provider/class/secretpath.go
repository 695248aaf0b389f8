// SPDX-License-Identifier: Apache-2.0

package class

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// secretPathChars is OKMS's pattern for the path of a secret (SW: PostSecretV2
// Request.path). It has no percent sign, which is for the encoded form.
var secretPathChars = regexp.MustCompile(`^[a-zA-Z0-9_.:/=@-]+$`)

// CheckSecretPath applies OKMS's rules for paths. Dot segments are invalid because HTTP
// clients resolve them and would read another secret.
func CheckSecretPath(p string) error {
	err := PathError(p)
	switch {
	case errors.Is(err, errSlashes):
		return fmt.Errorf("%w%s", err, withoutSlashes(p))
	case errors.Is(err, errSigns):
		return fmt.Errorf("%w%s", err, withoutSigns(p))
	}
	return err
}

// PathError is CheckSecretPath without advice.
func PathError(p string) error {
	switch {
	case len(p) > 255:
		return fmt.Errorf("is %d characters long; OKMS allows 255", len(p))
	case !secretPathChars.MatchString(p):
		return errSigns
	}
	for segment := range strings.SplitSeq(p, "/") {
		switch segment {
		case "":
			return errSlashes
		case ".", "..":
			return fmt.Errorf("must not hold the segment %q", segment)
		}
	}
	return nil
}

// withoutSlashes returns how to write a path that has too many slashes.
func withoutSlashes(p string) string {
	if hint := VaultHint(p); hint != "" {
		return "; " + hint
	}
	if strings.Contains(p, "://") {
		return "; write the path of the secret alone, without the address"
	}
	clean := strings.Join(strings.FieldsFunc(p, func(r rune) bool { return r == '/' }), "/")
	if PathError(clean) == nil {
		return "; write " + clean
	}
	return ""
}

// errSigns is the error for a path with characters that no path of OKMS has.
var errSigns = errors.New("may hold only letters, digits and _ . : / = @ -")

// withoutSigns returns what to do about characters that people often put into a path.
func withoutSigns(p string) string {
	if decoded, err := url.PathUnescape(p); err == nil && decoded != p && PathError(decoded) == nil {
		return "; write " + decoded
	}
	if strings.ContainsRune(p, '*') {
		return "; wildcards are not supported: name each secret"
	}
	return ""
}

// errSlashes is the error for a path with too many slashes.
var errSlashes = errors.New("must not begin or end with a slash, nor hold two in a row")
