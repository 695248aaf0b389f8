// SPDX-License-Identifier: Apache-2.0

// Command ovhcsi is the command line tool for users of the OVHcloud provider for the
// Secrets Store CSI driver. It finds mistakes in SecretProviderClasses, renders them, emulates an
// OVHcloud Secret Manager on this machine, and checks a file of connections. It is not the
// provider's daemon.
//
// Each command has a file and is added in root.go.
package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	os.Exit(runAs(context.Background(), programName(os.Args[0]), os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
}

// programName returns the name of the program in messages: "kubectl ovhcsi" if kubectl runs it as
// a plugin, otherwise "ovhcsi".
func programName(executable string) string {
	if strings.TrimSuffix(filepath.Base(executable), ".exe") == "kubectl-ovhcsi" {
		return "kubectl ovhcsi"
	}
	return "ovhcsi"
}

// run runs a command line without the program's name, and returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return runAs(ctx, "ovhcsi", args, streams{stdin, stdout, stderr})
}

// runAs runs a command line of the program with the name, and returns the exit code.
func runAs(ctx context.Context, program string, args []string, s streams) int {
	root := newRootCommand(program, s)
	if _, rest, err := root.Find(args); err == nil && len(rest) == 1 && rest[0] == "help" {
		args = append(args[:len(args)-1:len(args)-1], "--help") // ovhcsi COMMAND help
	}
	root.SetArgs(args)
	command, err := root.ExecuteContextC(ctx)
	return report(command.CommandPath(), err, s.err)
}
