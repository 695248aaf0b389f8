// SPDX-License-Identifier: Apache-2.0

package main

import "syscall"

// notDumpable keeps the kernel from dumping this process, and other processes of the same
// user from tracing it (prctl(2)).
func notDumpable() error {
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_DUMPABLE, 0, 0); errno != 0 {
		return errno
	}
	return nil
}
