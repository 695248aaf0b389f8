package main

import "syscall"

// notDumpable forbids the kernel to dump the process and other processes of its user to
// trace it (prctl(2)).
func notDumpable() error {
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_DUMPABLE, 0, 0); errno != 0 {
		return errno
	}
	return nil
}
