// SPDX-License-Identifier: Apache-2.0

// Package launch starts a program with secrets of files in its environment, and tells it when they
// change. The files are those of a volume of the Secrets Store CSI driver, so that no Kubernetes
// Secret has the values. Nothing here prints a value.
//
// Run is the whole of it. source.go reads files of one state, variables.go and envfile.go make
// variables of them, copy.go writes them elsewhere, watch.go sees changes, and supervisor.go starts
// the program.
package launch

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"time"
)

// Options is what to start, and with what.
type Options struct {
	// Sources are read in this order. There must be one at least.
	Sources []Source
	// SkipInvalid leaves out files of an EnvDir that can be no variable. They are errors otherwise.
	SkipInvalid bool
	// CopyTo is a directory that gets copies of all files. "" copies nothing.
	CopyTo string
	// Program is a program with its arguments. Without one, Run only copies.
	Program []string
	// OnChange is what to do when files change. The zero value replaces this process with the
	// program, and sees no changes.
	OnChange OnChange
	// Poll is how often Run looks for changes that the system does not report. Greater than zero if
	// OnChange is set.
	Poll time.Duration
	// StopTimeout is the time that a program has to end before a restart, until it is killed.
	StopTimeout time.Duration
	// Log gets a line for each change. It never has a value.
	Log func(line string)
}

// OnChange is what to do with the program when files change: at most one of the fields is set.
type OnChange struct {
	// Signal is the number of a signal to send; 0 for none.
	Signal int
	// Restart ends the program and starts it anew, with the new variables.
	Restart bool
}

// ErrNotFound and ErrNotExecutable are in the errors of a program that cannot be started.
var (
	ErrNotFound      = errors.New("not found")
	ErrNotExecutable = errors.New("cannot be executed")
)

// Run reads the files, copies them, and starts the program. It returns the exit code of the program,
// 128+n if signal n ended it; 0 if there was no program. It does not return if it replaced this
// process. The error is for files or a program that are wrong, not for a program that failed.
func Run(o Options) (code int, err error) {
	t := &target{dir: o.CopyTo}
	if err := t.check(o.Sources); err != nil {
		return 0, err
	}
	s, err := take(o)
	if err != nil {
		return 0, err
	}
	if err := t.copy(s.files); err != nil || len(o.Program) == 0 {
		return 0, err
	}
	path, err := find(o.Program[0])
	if err != nil {
		return 0, err
	}
	if o.OnChange == (OnChange{}) {
		return 0, started(replace(path, o.Program, s.environment), o.Program, path, s)
	}
	return supervise(o, t, path, s)
}

// state is what the sources have at a time.
type state struct {
	files       []file
	environment []string // of the program
	set         []variable
	stamp       string
	digest      [sha256.Size]byte // of all names and contents
}

// take reads the state of the sources. Without a program, there are no variables: names that can be
// no variables may be copied.
func take(o Options) (s state, err error) {
	if s.files, s.stamp, err = read(o.Sources); err != nil {
		return state{}, err
	}
	hash := sha256.New()
	for _, f := range s.files {
		fmt.Fprintf(hash, "%d %q %d ", f.source.Kind, f.where(), f.content.Len())
		hash.Write(f.content.Reveal()) // to compare two states
	}
	hash.Sum(s.digest[:0])
	if len(o.Program) > 0 {
		if s.set, err = variables(s.files, o.SkipInvalid); err != nil {
			return state{}, err
		}
		s.environment = environ(os.Environ(), s.set)
	}
	return s, nil
}
