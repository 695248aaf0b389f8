// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ovhcloud-csi-provider/test/emulator"
)

// started returns a command that runs as a process, and what it prints.
func started(t *testing.T, stdin io.Reader, args ...string) (command *exec.Cmd, printed *bytes.Buffer) {
	t.Helper()
	command, printed = exec.Command(os.Args[0], args...), &bytes.Buffer{}
	command.Env = append(os.Environ(), "OVHCSI_TEST_AS_MAIN=1")
	command.Stdin, command.Stdout, command.Stderr = stdin, printed, printed
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(time.Minute, func() { _ = command.Process.Kill() }) // of a test that would hang
	t.Cleanup(func() { late.Stop() })
	return command, printed
}

// endsWith sends a signal to a process and checks its exit code.
func endsWith(t *testing.T, command *exec.Cmd, printed *bytes.Buffer, s syscall.Signal, code int) {
	t.Helper()
	if err := command.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
	failed := (*exec.ExitError)(nil)
	if err := command.Wait(); !errors.As(err, &failed) || failed.ExitCode() != code {
		t.Errorf("%v: %v, want the exit code %d\n%s", s, err, code, printed)
	}
}

// TestCtrlCEndsACommandThatReads sends a signal while a command waits for its standard input.
func TestCtrlCEndsACommandThatReads(t *testing.T) {
	b := newBench(t)
	config := filepath.Join(b.dir, "config.yaml")
	for line, s := range map[string]syscall.Signal{
		"lint -": syscall.SIGINT, "render -": syscall.SIGINT, "diff - --folder x": syscall.SIGTERM,
		"policy from-audit -": syscall.SIGINT, "policy test - --config " + config: syscall.SIGINT,
		"emulator --seed -": syscall.SIGINT,
	} {
		t.Run(line, func(t *testing.T) {
			ours, theirs, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			command, printed := started(t, ours, strings.Fields(line)...)
			_ = ours.Close()
			// A pipe holds 64 KiB: the command reads when more than this is written.
			if _, err := theirs.WriteString(strings.Repeat("\n", 1<<18)); err != nil {
				t.Fatal(err)
			}
			endsWith(t, command, printed, s, 128+int(s))
			_ = theirs.Close()
			if printed.Len() > 0 {
				t.Errorf("it printed %s", printed)
			}
		})
	}
}

// TestCtrlCDuringAReadLeavesNothingBehind sends a signal while OKMS does not answer.
func TestCtrlCDuringAReadLeavesNothingBehind(t *testing.T) {
	for name, s := range map[string]syscall.Signal{"SIGINT": syscall.SIGINT, "SIGTERM": syscall.SIGTERM} {
		t.Run(name, func(t *testing.T) {
			store, file, credentials, host := renderStore(t)
			if _, err := store.Inject(emulator.Fault{Hang: true}); err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			command, printed := started(t, nil, "render", file, "--credentials", credentials, "--allow-endpoint", host, "--to",
				filepath.Join(dir, "out"))
			if err := store.Await(t.Context(), 1); err != nil {
				t.Fatal(err, printed)
			}
			endsWith(t, command, printed, s, 128+int(s))
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 || printed.Len() > 0 {
				t.Errorf("left: %v, %v; printed: %s", left, err, printed)
			}
		})
	}
}

// TestASignalReachesTheCommandOfAnEmulator checks that the command gets SIGTERM, and that the
// directory with the credentials is removed.
func TestASignalReachesTheCommandOfAnEmulator(t *testing.T) {
	ours, theirs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	command := exec.Command(os.Args[0], "emulator", "--", "sh", "-c",
		`trap 'echo ended; exit 9' TERM; echo ready; while :; do sleep 0.01; done`)
	command.Env = append(os.Environ(), "OVHCSI_TEST_AS_MAIN=1")
	command.Stdout = theirs
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill() })
	_ = theirs.Close()
	ready := make([]byte, len("ready\n"))
	if _, err := io.ReadFull(ours, ready); err != nil {
		t.Fatal(err)
	}
	endsWith(t, command, &bytes.Buffer{}, syscall.SIGTERM, 9)
	if rest, err := io.ReadAll(ours); err != nil || string(rest) != "ended\n" {
		t.Errorf("the command printed %q, %v", rest, err)
	}
	if left, err := fs.Glob(os.DirFS(temporary), "ovhcsi-*"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
