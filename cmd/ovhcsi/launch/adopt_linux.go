// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// adopt makes this process the parent of descendants that lose theirs, as process 1 is. It reaps
// them, and they do not stay as zombies.
func adopt() { _ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }

// realTime returns the real-time signals that are free for programs: the C library uses the first
// two.
func realTime() (all []syscall.Signal) {
	for s := syscall.Signal(34); s <= 64; s++ {
		all = append(all, s)
	}
	return all
}
