// Package commandline is what both commands have in common: their words for a wrong
// command line, and their version.
package commandline

import (
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"

	"ovhcloud-csi-provider/provider/nearest"
)

// Mistake words an error of package flag for people, with the nearest name for an
// unknown flag and what a value should look like. flag.ErrHelp stays what it is.
// A value stands in it only where package flag could not read it.
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

// withForm puts, in a flag's "NAME: parse error", the form of a good value in the
// place of the last words.
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

// Suggestion is ", did you mean NAME?" for the name nearest to what was written,
// or "" when none is near.
func Suggestion(written string, names []string) string {
	if near := nearest.Name(written, names); near != "" {
		return fmt.Sprintf(", did you mean %s?", near)
	}
	return ""
}
