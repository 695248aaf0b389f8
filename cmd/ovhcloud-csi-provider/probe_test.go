// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"ovhcloud-csi-provider/test/harness"
)

// probeWith runs the binary as a probe, and returns its exit status and its one line.
func probeWith(t *testing.T, cmd *exec.Cmd) (int, string) {
	t.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if _, ended := err.(*exec.ExitError); err != nil && !ended {
		t.Fatal(err)
	}
	if strings.Count(out.String(), "\n") != 1 || !strings.HasSuffix(out.String(), "\n") {
		t.Errorf("not one line: %q", out.String())
	}
	return cmd.ProcessState.ExitCode(), strings.TrimSuffix(out.String(), "\n")
}

func probeOf(t *testing.T, socket, question string) *exec.Cmd {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, question, "--endpoint=unix://"+socket)
	cmd.Env = os.Environ()
	confine(cmd)
	return cmd
}

var questions = []string{"--probe", "--probe=live", "--probe=ready"}

func TestTheBinaryIsItsOwnProbe(t *testing.T) {
	socket := harness.SocketPath(t)
	for _, question := range questions {
		code, line := probeWith(t, probeOf(t, socket, question))
		if code != 1 || !strings.HasPrefix(line, "ovhcloud-csi-provider: there is no socket "+socket) {
			t.Errorf("%s before the daemon: exit status %d, %s", question, code, line)
		}
	}
	p := startDaemon(t, harness.StartStore(t), socket, nil)
	for _, question := range questions {
		if code, line := probeWith(t, probeOf(t, socket, question)); code != 0 || line != "ok" {
			t.Errorf("%s: exit status %d, %s", question, code, line)
		}
	}
	p.stop(t, syscall.SIGKILL)
	for _, question := range questions {
		code, line := probeWith(t, probeOf(t, socket, question))
		if code != 1 || !strings.HasPrefix(line, "ovhcloud-csi-provider: no process listens on "+socket) {
			t.Errorf("%s after the daemon: exit status %d, %s", question, code, line)
		}
	}
}

func TestAProbeEndsWhenTheDaemonIsStuck(t *testing.T) {
	socket := harness.SocketPath(t)
	l, err := net.Listen("unix", socket) // it accepts no connection
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, question := range []probeFlag{probeLive, probeReady} {
		var out, errs bytes.Buffer
		code := runProbe(t.Context(), question, socket, 100*time.Millisecond, &out, &errs)
		want := "ovhcloud-csi-provider: the daemon on " + socket + " accepted the connection and did not answer in time\n"
		if code != 1 || out.Len() > 0 || errs.String() != want {
			t.Errorf("%s: exit status %d, %s%s", question, code, &out, &errs)
		}
	}
}

func TestTheValuesOfTheProbeFlag(t *testing.T) {
	for args, want := range map[string]probeFlag{
		"": "", "--probe": probeLive, "--probe=true": probeLive, "--probe=live": probeLive, "--probe=ready": probeReady,
	} {
		f, err := parseFlags(strings.Fields(args))
		if err != nil || f.probe != want {
			t.Errorf("%s: %q, %v", args, f.probe, err)
		}
	}
	const valid = " is not valid; use --probe or --probe=live for liveness, --probe=ready for readiness"
	for args, want := range map[string]string{
		"--probe=nonsense": `--probe: "nonsense"` + valid,
		"--probe=READY":    `--probe: "READY"` + valid,
		"--probe=false":    `--probe: "false"` + valid,
		"--probe=":         `--probe: "(empty)"` + valid,
		"--probe ready":    `"ready" is not a flag; write --probe=ready`,
	} {
		var out, errs bytes.Buffer
		code := run(t.Context(), strings.Fields(args), &out, &errs)
		if code != 2 || errs.String() != "ovhcloud-csi-provider: "+want+" (see --help)\n" {
			t.Errorf("%s: exit status %d, %s", args, code, &errs)
		}
	}
}
