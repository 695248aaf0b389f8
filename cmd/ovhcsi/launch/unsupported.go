// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package launch

import (
	"errors"
	"io/fs"
)

// errSystem is the error of all that this system cannot do.
var errSystem = errors.New("starting a program is supported on Linux and macOS only")

func identity(fs.FileInfo) string { return "" }

func replace(string, []string, []string) error { return errSystem }

func supervise(Options, *target, string, state) (int, error) { return 0, errSystem }

// Signals returns the names that ParseSignal takes: none on this system.
func Signals() []string { return nil }

// ParseSignal returns an error: this system has no such signals.
func ParseSignal(string) (int, error) { return 0, errSystem }
