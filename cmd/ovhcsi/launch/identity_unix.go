// SPDX-License-Identifier: Apache-2.0

//go:build unix

package launch

import (
	"fmt"
	"io/fs"
	"syscall"
)

// identity returns what distinguishes a file from one that replaced it with the same size and time.
func identity(info fs.FileInfo) string {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return fmt.Sprint(stat.Dev, ":", stat.Ino)
	}
	return ""
}
