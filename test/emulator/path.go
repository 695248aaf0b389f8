// SPDX-License-Identifier: Apache-2.0

package emulator

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

const maxPathLength = 255

// pathPattern is OKMS's pattern for the path of a new secret. It allows "." and ".." as segments.
// OKMS's treatment of them is unknown; here they are ordinary names.
var pathPattern = regexp.MustCompile(`^[a-zA-Z0-9_.:/=@-]+$`)

// checkPath returns nil for a path that is valid for a secret.
func checkPath(path string) error {
	reason := ""
	switch {
	case path == "":
		reason = "is empty"
	case len(path) > maxPathLength:
		reason = "is longer than 255 characters"
	case !pathPattern.MatchString(path):
		reason = "has a character outside a-z A-Z 0-9 _ . : / = @ -"
	case strings.HasPrefix(path, "/"), strings.HasSuffix(path, "/"):
		reason = "begins or ends with /"
	case strings.Contains(path, "//"):
		reason = "has an empty segment"
	default:
		return nil
	}
	return refusef(http.StatusBadRequest, codeSecretBadPath, "path %q %s", path, reason)
}

// unescapePath decodes the path of a secret in a request's path. Both / and %2F are separators.
func unescapePath(escaped string) (string, error) {
	path, err := url.PathUnescape(escaped)
	if err != nil {
		return "", refusef(http.StatusBadRequest, codeSecretBadPath, "path %q: %v", escaped, err)
	}
	return path, nil
}
