//go:build !linux

package driver

import (
	"os"
	"runtime"
	"syscall"
)

// Isolated runs body in this process and returns its exit code. There is no tmpfs to mount here: see MountRefusal.
func Isolated(body func() int) int {
	os.Setenv(refusalVariable, "there is no tmpfs to mount on "+runtime.GOOS)
	return body()
}

// dieWithParent has no counterpart here.
func dieWithParent() *syscall.SysProcAttr { return nil }
