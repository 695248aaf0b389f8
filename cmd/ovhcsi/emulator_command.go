// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/test/emulator"
)

// afterDashes refuses arguments that are not after --.
func afterDashes(c *cobra.Command, args []string) error {
	if len(args) > 0 && c.ArgsLenAtDash() != 0 {
		return usageErrorf("unexpected argument %q; write -- before a command to run", args[0])
	}
	return nil
}

// The variables that a command with an emulator gets.
const (
	envEndpoint    = "OKMS_ENDPOINT"
	envID          = "OKMS_ID"
	envCredentials = "OKMS_CREDENTIALS" // a directory
	envToken       = "OKMS_TOKEN_FILE"
	envCA          = "OKMS_CA_FILE"
)

// environment returns the variables of a command with an emulator.
func environment(e *emulator.Emulator, server *emulator.Server, dir string) []string {
	return []string{
		envEndpoint + "=" + server.URL,
		envID + "=" + e.OKMSID(),
		envCredentials + "=" + dir,
		envToken + "=" + filepath.Join(dir, "token"),
		envCA + "=" + filepath.Join(dir, "ca.pem"),
	}
}

// emulatorOfEnvironment returns the parameters of a class that reads from the emulator whose command this
// program is.
func emulatorOfEnvironment() (map[string]string, error) {
	for _, name := range []string{envEndpoint, envID, envCredentials, envCA} {
		if os.Getenv(name) == "" {
			return nil, fmt.Errorf("the variable %s is not set; run ovhcsi emulator --seed FOLDER -- COMMAND", name)
		}
	}
	ca, err := os.ReadFile(os.Getenv(envCA))
	if err != nil {
		return nil, err
	}
	return map[string]string{
		place.FieldEndpoint: os.Getenv(envEndpoint), place.FieldOKMSID: os.Getenv(envID), place.FieldCABundle: string(ca),
	}, nil
}

// redirected returns the parameters of a class, with the domain of the emulator if --emulator is given.
func (m mountLine) redirected(parameters map[string]string) map[string]string {
	if !m.emulator {
		return parameters
	}
	all := maps.Clone(parameters)
	for _, name := range []string{place.FieldRegion, class.ParamConnection} {
		delete(all, name)
	}
	maps.Copy(all, m.domain)
	return all
}

// commandEnd is how long a command may take to end after a signal.
const commandEnd = 10 * time.Second

// runCommand runs a command with more variables until it ends. Its exit code is that of this program,
// and 128 plus the signal if a signal ended it. If ctx ends, the command gets a SIGTERM.
func runCommand(ctx context.Context, args, variables []string, s streams) error {
	command := exec.CommandContext(ctx, args[0], args[1:]...)
	command.Env = append(os.Environ(), variables...)
	command.Stdin, command.Stdout, command.Stderr = s.in, s.out, s.err
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = commandEnd
	err := command.Run()
	failed := (*exec.ExitError)(nil)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled): // before its start
		return orSignal(ctx, err)
	case !errors.As(err, &failed):
		return usageErrorf("running the command: %w", err)
	}
	if status, is := failed.Sys().(syscall.WaitStatus); is && status.Signaled() {
		return endedBy(status.Signal())
	}
	return exitError{failed.ExitCode(), nil}
}
