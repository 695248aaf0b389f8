// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// The exit codes. exitCodes has their meaning.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitRefused     = 3
	exitUnavailable = 4
	exitInterrupted = 130 // 128 plus SIGINT
)

// exitCodes is the table of the exit codes, in the help text and in docs/ovhcsi.md.
var exitCodes = []struct {
	code  int
	means string
}{
	{exitOK, "no mistake and no difference was found, and the command did its work"},
	{exitFailed, "a mistake or a difference was found, or the command could not do its work"},
	{exitUsage, "the command line is invalid, or a file that it names cannot be read"},
	{exitRefused, "OKMS, its token endpoint or a rule refused a secret"},
	{exitUnavailable, "OKMS could not be asked"},
	{exitInterrupted, "Ctrl-C ended the command; 143: SIGTERM did; ovhcsi emulator exits with 0 then"},
}

// exitCodesHelp returns the table as text.
func exitCodesHelp() string {
	var b strings.Builder
	for _, row := range exitCodes {
		fmt.Fprintf(&b, "  %-3d  %s\n", row.code, row.means)
	}
	return b.String()
}

// exitError is an error with an exit code. If err is nil, the command has printed what there is to
// say.
type exitError struct {
	code int
	err  error
}

func (e exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e exitError) Unwrap() error { return e.err }

// usageError returns an error of the command line.
func usageError(err error) error { return exitError{exitUsage, err} }

// usageErrorf returns an error of the command line.
func usageErrorf(format string, args ...any) error { return usageError(fmt.Errorf(format, args...)) }

// errFindings ends a command that has printed the mistakes it found.
var errFindings error = exitError{exitFailed, nil}

// multiline is an error whose text has line breaks, and no text of others that could forge them.
type multiline struct{ error }

// report prints the error of a command, and returns the exit code. An error without a code is one
// of the command line: newRootCommand gives a code to those of the commands themselves.
func report(command string, err error, stderr io.Writer) int {
	if err == nil {
		return exitOK
	}
	failed := exitError{exitUsage, err}
	errors.As(err, &failed)
	var lines multiline
	switch {
	case failed.err == nil:
	case failed.code == exitUsage:
		printLine(stderr, "%s: %v (see --help)", command, failed.err)
	case errors.As(err, &lines):
		fmt.Fprintf(stderr, "%s: %v\n", command, failed.err)
	default:
		printLine(stderr, "%s: %v", command, failed.err)
	}
	return failed.code
}
