// SPDX-License-Identifier: Apache-2.0

package class

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"

	"ovhcloud-csi-provider/provider/message"
)

// Limits of a regular expression: its text, and the instructions that it is compiled to, each of
// which may be looked at for each byte of a name.
const (
	maxPattern      = 512
	maxInstructions = 250
)

// Find selects secrets by their paths.
type Find struct {
	// Path is the folder, without a slash at its ends; "" is the root.
	Path string
	// Pattern is matched against the path below the folder; nil matches all.
	Pattern *regexp.Regexp
	steps   int // of the pattern, for each byte
}

// Cost returns the most steps that Matches takes for a path.
func (f Find) Cost(path string) int { return len(path) * (1 + f.steps) }

// Folder returns the folder in quotes, for a message.
func (f Find) Folder() string { return message.Quote(f.Path + "/") }

// Matches reports whether the secret at a path is selected, and returns its path below the folder.
func (f Find) Matches(path string) (below string, ok bool) {
	below = path
	if f.Path != "" {
		if below, ok = strings.CutPrefix(path, f.Path+"/"); !ok {
			return "", false
		}
	}
	return below, below != "" && (f.Pattern == nil || f.Pattern.MatchString(below))
}

// setFolder reads the folder of find. A slash at its end changes nothing; "/" is the root.
func (f *Find) setFolder(text string) error {
	f.Path = strings.TrimSuffix(text, "/")
	if f.Path == "" {
		return nil
	}
	if err := CheckSecretPath(f.Path); err != nil {
		return fmt.Errorf("%s %w", message.Quote(text), err)
	}
	return nil
}

// setPattern reads the regular expression of find, in Go's syntax (RE2), which takes time in
// proportion to the text and not more.
func (f *Find) setPattern(text string) (err error) {
	if len(text) > maxPattern {
		return fmt.Errorf("is %d bytes long; at most %d are read", len(text), maxPattern)
	}
	parsed, err := syntax.Parse(text, syntax.Perl)
	var wrong *syntax.Error
	if errors.As(err, &wrong) {
		return fmt.Errorf("is not a regular expression (RE2): %s: %s", wrong.Code, message.Quote(wrong.Expr))
	}
	if err != nil {
		return fmt.Errorf("is not a regular expression (RE2): %w", err)
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil || len(program.Inst) > maxInstructions {
		return fmt.Errorf("is too complex: it takes more than %d steps for each character; repeat less", maxInstructions)
	}
	f.steps = len(program.Inst)
	f.Pattern, err = regexp.Compile(text)
	return err
}
