// SPDX-License-Identifier: Apache-2.0

//go:build unix

package launch

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// terminal is the terminal that controls this process. The zero value is none.
type terminal struct{ file *os.File }

// openTerminal returns the controlling terminal, if there is one.
func openTerminal() terminal {
	file, err := os.OpenFile("/dev/tty", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return terminal{}
	}
	return terminal{file}
}

// is reports whether there is a terminal.
func (t terminal) is() bool { return t.file != nil }

// sends reports whether a signal may be one that the terminal sends: it has then sent it to all
// processes of the group in the foreground, so also to the program.
func (t terminal) sends(s syscall.Signal) bool {
	if !t.is() || s != syscall.SIGINT && s != syscall.SIGQUIT && s != syscall.SIGWINCH {
		return false
	}
	foreground, err := unix.IoctlGetInt(int(t.file.Fd()), unix.TIOCGPGRP)
	return err == nil && foreground == unix.Getpgrp()
}
