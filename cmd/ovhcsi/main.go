// Command ovhcsi is the command line tool for users of the OVHcloud provider for the
// Secrets Store CSI driver. It finds mistakes in SecretProviderClasses, renders them, emulates an OVHcloud
// Secret Manager on this machine, and checks a file of connections. It is not the provider's
// daemon.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"

	"ovhcloud-csi-provider/cmd/commandline"
)

const usage = `ovhcsi - tools for the OVHcloud provider of the Secrets Store CSI driver

Usage: ovhcsi COMMAND [flags]

Commands:
  connections check  check a file of connections before the provider reads it
  lint               find mistakes in SecretProviderClasses and the pods that mount them
  render             what a pod would get, fetched with your credentials
  emulator           an OVHcloud Secret Manager (OKMS) on this machine, for tests and trials
  version            print the version
  help               print this text

"ovhcsi help COMMAND" prints the help of a command.
`

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// isVersion reports whether an argument requests the version.
func isVersion(word string) bool {
	return slices.Contains([]string{"version", "--version", "-version"}, word)
}

// run runs a command line without the program's name, and returns the exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return exitUsage
	}
	if isHelp(args[0]) {
		if len(args) == 1 {
			fmt.Fprint(stdout, usage)
			return exitOK
		}
		args = append(args[1:], "--help")
	}
	if isVersion(args[0]) {
		return runVersion(args[1:], stdout, stderr)
	}
	switch command := args[0]; command {
	case "emulator":
		return runEmulator(ctx, args[1:], stdin, stdout, stderr)
	case "connections":
		return runConnections(ctx, args[1:], stdout, stderr)
	case "render":
		return runRender(ctx, args[1:], stdin, stdout, stderr)
	case "lint":
		return runLint(args[1:], stdin, stdout, stderr)
	default:
		fmt.Fprintf(stderr, "ovhcsi: unknown command %q%s (available: connections, lint, render, emulator, version, help)\n",
			command, commandline.Suggestion(command, []string{"connections", "lint", "render", "emulator", "version", "help"}))
		return exitUsage
	}
}

// runVersion prints the version and nothing else, for scripts. It returns the exit status.
func runVersion(args []string, stdout, stderr io.Writer) int {
	switch {
	case len(args) == 0:
		fmt.Fprintln(stdout, commandline.Version())
	case isHelp(args[0]):
		fmt.Fprint(stdout, usage)
	default:
		fmt.Fprintf(stderr, "ovhcsi version: unexpected argument %q\n", args[0])
		return exitUsage
	}
	return exitOK
}
