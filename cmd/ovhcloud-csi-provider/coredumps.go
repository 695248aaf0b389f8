// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"syscall"
)

// noCoreDumps keeps secrets in memory from being written to a disk when the process
// crashes. The limit on the size of a core is ignored if the system pipes cores to a
// program, so the process is also marked as not dumpable. That also keeps other processes
// of the same user from reading its memory.
func noCoreDumps() error {
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}); err != nil {
		return fmt.Errorf("turning core dumps off: %w", err)
	}
	if err := notDumpable(); err != nil {
		return fmt.Errorf("turning core dumps off (PR_SET_DUMPABLE): %w", err)
	}
	return nil
}
