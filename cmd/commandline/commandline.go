// SPDX-License-Identifier: Apache-2.0

// Package commandline has what both commands share: the errors of their command lines, and
// their version.
package commandline

import (
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"

	"ovhcloud-csi-provider/provider/nearest"
)

// Mistake returns an error of package flag in the words of this project, with the nearest
// name for an unknown flag, and the form of a valid value. It returns flag.ErrHelp as it
// is. The error quotes a value only if package flag could not parse it.
func Mistake(flags *flag.FlagSet, err error) error {
	if errors.Is(err, flag.ErrHelp) {
		return err
	}
	text := err.Error()
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: -"); ok {
		var names []string
		flags.VisitAll(func(f *flag.Flag) { names = append(names, "--"+f.Name) })
		return fmt.Errorf("unknown flag --%s%s", name, Suggestion("--"+name, names))
	}
	if name, ok := strings.CutPrefix(text, "flag needs an argument: -"); ok {
		return fmt.Errorf("flag --%s needs a value", name)
	}
	for _, before := range []string{" for flag -", " for -"} { // the second for booleans
		if head, tail, ok := strings.Cut(text, before); ok {
			return errors.New(head + " for --" + withForm(flags, tail))
		}
	}
	return err
}

// withForm replaces the end of a flag's "NAME: parse error" with the form of a valid
// value.
func withForm(flags *flag.FlagSet, text string) string {
	name, ok := strings.CutSuffix(text, ": parse error")
	f := flags.Lookup(name)
	if !ok || f == nil {
		return text
	}
	value, known := f.Value.(flag.Getter)
	if !known {
		return text
	}
	switch value.Get().(type) {
	case time.Duration:
		return name + ": not a duration with a unit, such as 30s"
	case int:
		return name + ": not a whole number"
	case bool:
		return name + ": neither true nor false"
	}
	return text
}

// Suggestion returns ", did you mean NAME?" with the name nearest to written, or "" if none
// is near.
func Suggestion(written string, names []string) string {
	if near := nearest.Name(written, names); near != "" {
		return fmt.Sprintf(", did you mean %s?", near)
	}
	return ""
}
