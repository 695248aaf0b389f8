// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"ovhcloud-csi-provider/cmd/commandline"
)

// flagError returns an error of package pflag in the words of this project, with the nearest name
// for an unknown flag, and the form of a valid value.
func flagError(c *cobra.Command, err error) error {
	if args := c.Flags().Args(); c.HasSubCommands() && len(args) > 0 {
		return unknownCommand(c, args[0]) // its flags are unknown too
	}
	var unknown *pflag.NotExistError
	var missing *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		return unknownFlag(c, unknown)
	case errors.As(err, &missing):
		return usageErrorf("flag --%s needs a value", missing.GetFlag().Name)
	case errors.As(err, &invalid):
		flag := invalid.GetFlag()
		return usageErrorf("invalid value %q for --%s: %s", invalid.GetValue(), flag.Name, form(flag, invalid.Unwrap()))
	}
	return usageError(err)
}

// unknownFlag returns the error for a flag that a command does not have.
func unknownFlag(c *cobra.Command, err *pflag.NotExistError) error {
	written := "--" + err.GetSpecifiedName()
	if short := err.GetSpecifiedShortnames(); short != "" {
		written = "-" + short
	}
	name, _, _ := strings.Cut(strings.TrimLeft(written, "-"), "=")
	var names []string
	c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
	return usageErrorf("unknown flag %s%s", written, commandline.Suggestion("--"+name, names))
}

// form returns what a valid value of a flag looks like, or the cause if that says it.
func form(flag *pflag.Flag, cause error) string {
	switch flag.Value.Type() {
	case "duration":
		return "not a duration with a unit, such as 30s"
	case "int":
		return "not a whole number"
	case "bool":
		return "neither true nor false"
	}
	return cause.Error()
}

// noArguments refuses arguments that are no flags.
func noArguments(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageErrorf("unexpected argument %q; only flags are accepted", args[0])
	}
	return nil
}

// someFiles refuses a command line without a file.
func someFiles(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usageErrorf("no file is given; - is standard input")
	}
	return nil
}

// oneOf checks the value of a flag that has few.
func oneOf(flag, value string, valid []string) error {
	for _, v := range valid {
		if v == value {
			return nil
		}
	}
	return usageErrorf("--%s %s is not one of %s%s", flag, value, strings.Join(valid, ", "),
		commandline.Suggestion(value, valid))
}
