// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// pty returns both ends of a new terminal.
func pty(t *testing.T) (keyboard, terminal *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keyboard.Close() })
	fd := int(keyboard.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { terminal.Close() })
	return keyboard, terminal
}

// TestCtrlCReachesTheProgramOnce presses it on a terminal, which sends a signal to the program and to
// the process that started it.
func TestCtrlCReachesTheProgramOnce(t *testing.T) {
	v := newVolume(t, map[string]string{"A": "1"})
	keyboard, terminal := pty(t)
	p := start(t, Options{Sources: []Source{{EnvDir, v.dir}}, OnChange: restart}, func(cmd *exec.Cmd) {
		cmd.Stdin = terminal
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	}, "wait")
	p.says("start 1")
	for range 3 {
		if _, err := keyboard.WriteString("\x03"); err != nil {
			t.Fatal(err)
		}
		p.says("signal interrupt")
		p.send(syscall.SIGUSR1)
		p.says("signal user defined signal 1")
	}
	group, err := unix.IoctlGetInt(int(keyboard.Fd()), unix.TIOCGPGRP)
	if err != nil || group != p.cmd.Process.Pid {
		t.Errorf("the group in the foreground is %d, not %d: %v", group, p.cmd.Process.Pid, err)
	}
	p.send(syscall.SIGTERM)
	p.says("end 1")
	p.ends(7)
}
