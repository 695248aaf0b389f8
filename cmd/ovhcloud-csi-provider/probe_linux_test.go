// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"ovhcloud-csi-provider/test/harness"
)

// newContainer makes a process the first of a new PID namespace, as in a container.
func newContainer(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
}

// execIn makes a command run in the PID namespace of a process, as kubelet's exec probes run
// in the namespace of the container.
func execIn(t *testing.T, container *exec.Cmd, cmd *exec.Cmd) *exec.Cmd {
	t.Helper()
	nsenter, err := exec.LookPath("nsenter")
	if err != nil {
		t.Skip("this system has no nsenter")
	}
	args := []string{"--target", strconv.Itoa(container.Process.Pid), "--pid", "--", cmd.Path}
	inside := exec.Command(nsenter, append(args, cmd.Args[1:]...)...)
	inside.Env = cmd.Env
	return inside
}

// otherContainer starts a container whose first process serves no socket.
func otherContainer(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sleep", "600")
	newContainer(cmd)
	if err := cmd.Start(); err != nil {
		t.Skipf("this system gives the test no PID namespace: %v", err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd
}

// During a rolling update two pods run on a node. Each pod's readiness is its own.
func TestADaemonOfAnotherPodDoesNotMakeAPodReady(t *testing.T) {
	store, socket := harness.StartStore(t), harness.SocketPath(t)
	other := otherContainer(t)
	newer := startDaemon(t, store, socket, nil)
	if code, line := probeWith(t, execIn(t, other, probeOf(t, socket, "--probe"))); code != 0 || line != "ok" {
		t.Errorf("liveness: exit status %d, %s", code, line)
	}
	want := "ovhcloud-csi-provider: " + socket + " is served by a daemon of another container; " +
		"this container's own daemon does not serve yet"
	if code, line := probeWith(t, execIn(t, other, probeOf(t, socket, "--probe=ready"))); code != 1 || line != want {
		t.Errorf("readiness: exit status %d, %s", code, line)
	}
	newer.stop(t, syscall.SIGTERM)
}

// The older pod stays ready although it does not serve the socket any more. Otherwise the
// DaemonSet controller would delete it before the newer one is ready.
func TestAPodStaysReadyWhenANewerDaemonTakesOver(t *testing.T) {
	otherContainer(t) // skips where there is no PID namespace
	for name, c := range map[string]struct {
		config string
		code   int
		line   string
	}{
		"ready":     {"", 0, "ok"},
		"not ready": {"/nowhere/connections.yaml", 1, "ovhcloud-csi-provider: this container's daemon is not ready: "},
	} {
		store, socket := harness.StartStore(t), harness.SocketPath(t)
		older := startDaemonIn(t, newContainer, store, socket, nil, "--config="+c.config)
		startDaemon(t, store, socket, nil)
		code, line := probeWith(t, execIn(t, older.Cmd, probeOf(t, socket, "--probe=ready")))
		if code != c.code || !strings.HasPrefix(line, c.line) {
			t.Errorf("%s: exit status %d, %s", name, code, line)
		}
	}
}
