// SPDX-License-Identifier: Apache-2.0

// Package volume holds the rules for the paths of files in a volume.
package volume

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxFileName limits a path in the volume, in bytes. A whole path has 4095 at most, and it
// begins with that of the volume.
const maxFileName = 3 << 10

// CheckName applies the driver's rules for a path in the volume (its pkg/util/fileutil:
// writer.go and atomic_writer.go), and rejects names that cannot be typed: control characters and
// bytes that are not UTF-8. The error has no subject; the caller writes the name before it.
func CheckName(name string) error {
	switch {
	case name == "":
		return errors.New("is empty")
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return errors.New("holds a control character or is not UTF-8")
	case strings.HasPrefix(name, "/"):
		return errors.New("must be relative to the volume, without a slash in front")
	case strings.HasPrefix(name, ".."):
		return errors.New(`must not begin with ".."`)
	case path.Clean(name) != name || name == ".":
		return errors.New(`must not hold empty, "." or ".." elements, nor end with a slash`)
	case len(name) > maxFileName:
		return fmt.Errorf("is %d bytes long; a path has at most %d", len(name), maxFileName)
	}
	for element := range strings.SplitSeq(name, "/") {
		if len(element) > 255 {
			return fmt.Errorf("has an element of %d bytes; a file name has at most 255", len(element))
		}
	}
	return nil
}
