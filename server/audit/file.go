// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// File is a file that records are appended to. Others may rename or remove it at any time:
// the next write opens a new one at its path. It is for one goroutine.
type File struct {
	path string
	file *os.File
	is   fs.FileInfo // of file
	torn bool        // it ends in a part of a line, as after a crash
}

// OpenFile opens or makes the file, with the mode 0600 if it is new. It does not follow a
// symbolic link at the path, and refuses what is no regular file. The caller closes it.
func OpenFile(path string) (*File, error) {
	f := &File{path: path}
	return f, f.open()
}

// open opens the file at the path in place of the open one.
func (f *File) open() error {
	// Without O_NONBLOCK, opening a named pipe would wait for its reader.
	file, err := os.OpenFile(f.path, os.O_APPEND|os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return err
	}
	is, err := file.Stat()
	if err == nil && !is.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", f.path)
	}
	if err != nil {
		_ = file.Close()
		return err
	}
	_ = f.file.Close() // nil at first, which is an error
	f.file, f.is, f.torn = file, is, isTorn(file, is.Size())
	return nil
}

// isTorn reports whether the file does not end in a line break.
func isTorn(file *os.File, size int64) bool {
	last := make([]byte, 1)
	n, _ := file.ReadAt(last, size-1) // an empty file has none
	return n == 1 && last[0] != '\n'
}

// Write appends a text. If another file is at the path now, or none, it opens that first. If
// it cannot, it writes nothing: the old file may be one that nobody can see any more.
func (f *File) Write(text []byte) (int, error) {
	if now, err := os.Lstat(f.path); err != nil || !os.SameFile(now, f.is) {
		if err := f.open(); err != nil {
			return 0, err
		}
	}
	if f.torn {
		if _, err := f.file.WriteString("\n"); err != nil {
			return 0, err
		}
		f.torn = false
	}
	return f.file.Write(text)
}

// Close closes the file.
func (f *File) Close() error { return f.file.Close() }
