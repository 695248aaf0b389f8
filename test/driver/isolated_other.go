// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package driver

import (
	"os"
	"runtime"
	"syscall"
)

// Isolated runs body in this process and returns its exit code. This system has no tmpfs, so MountRefusal is not nil.
func Isolated(_ bool, body func() int) int {
	os.Setenv(refusalVariable, "there is no tmpfs to mount on "+runtime.GOOS)
	return body()
}

// dieWithParent returns nil: this system has no death signal.
func dieWithParent() *syscall.SysProcAttr { return nil }
