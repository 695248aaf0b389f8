// SPDX-License-Identifier: Apache-2.0

package main

import (
	_ "embed"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"ovhcloud-csi-provider/server"
)

// seccompProfile is a profile for container runtimes with the system calls that this program makes. All others fail
// with ENOSYS, as on a kernel that does not have them, and Go's libraries then use older ones. The tests of
// this package run the program with it.
//
//go:embed seccomp.json
var seccompProfile []byte

// runSeccompProfile writes the profile to the file at path, or to stdout if path is -. It returns the exit status.
func runSeccompProfile(path string, stdout, stderr io.Writer) int {
	write := func() error { return writeFile(path, seccompProfile) }
	if path == "-" {
		write = func() error { _, err := stdout.Write(seccompProfile); return err }
	}
	if err := write(); err != nil {
		fmt.Fprintf(stderr, "%s: --seccomp-profile: %v\n", server.RuntimeName, err)
		return 1
	}
	return 0
}

// writeFile replaces a file, so that a container runtime that reads it meanwhile gets all of the old or of the new one.
func writeFile(path string, text []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), ".seccomp-")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	defer temporary.Close()
	if _, err := temporary.Write(text); err != nil {
		return err
	}
	if err := temporary.Chmod(0o644); err != nil {
		return err
	}
	if err := temporary.Close(); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
}
