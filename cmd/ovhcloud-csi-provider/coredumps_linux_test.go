// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"ovhcloud-csi-provider/test/harness"
)

// The files of a process in /proc belong to its user if the kernel may dump it, else to
// root (proc(5)). So the daemon runs as another user here.
func TestTheKernelDoesNotDumpTheDaemon(t *testing.T) {
	user, socket := uint32(os.Getuid()), harness.SocketPath(t)
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	asNobody := func(*exec.Cmd) {}
	if user == 0 {
		user = 65534
		asNobody = func(cmd *exec.Cmd) {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user, NoSetGroups: true}}
		}
		// What a user cannot read is never dumped, which would prove nothing.
		for _, dir := range []string{filepath.Dir(path), path} {
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chown(filepath.Dir(socket), int(user), int(user)); err != nil {
			t.Skipf("this user cannot give files away: %v", err)
		}
	}
	owner := func(pid int) uint32 {
		info, err := os.Stat(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			t.Fatal(err)
		}
		return info.Sys().(*syscall.Stat_t).Uid
	}
	other := exec.Command("sleep", "600")
	asNobody(other)
	if err := other.Start(); err != nil {
		t.Skipf("this system runs no process as another user: %v", err)
	}
	defer func() { _ = other.Process.Kill(); _ = other.Wait() }()
	if got := owner(other.Process.Pid); got != user {
		t.Fatalf("another program of user %d belongs to %d, so this test proves nothing", user, got)
	}
	p := startDaemonIn(t, asNobody, harness.StartStore(t), socket, nil)
	if got := owner(p.Process.Pid); got != 0 {
		t.Errorf("the daemon's files in /proc belong to user %d: the kernel may dump it", got)
	}
}
