// SPDX-License-Identifier: Apache-2.0

package listing

import (
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// The most that a folder may hold: far more than a volume, which has 3.5 MiB.
const (
	maxFolderSize  = 64 << 20 // bytes
	maxFolderFiles = 50_000
)

// errTooLarge is the error of Folder for a directory that is no volume.
var errTooLarge = fmt.Errorf("holds more than %d files or %d MiB, which no volume does", maxFolderFiles,
	maxFolderSize>>20)

// dataLink is the symbolic link to the current files in a volume that the driver has written.
const dataLink = "..data"

// Folder describes the files below a directory, in lexical order. They have neither modes nor
// versions, since a copy need not keep modes. dir may be a volume that the driver has written, or a
// copy of one with its symbolic links. Other symbolic links are an error.
func (m Marker) Folder(dir string) (files []File, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if _, err := root.Lstat(dataLink); err == nil {
		current, err := root.OpenRoot(dataLink)
		if err != nil {
			return nil, err
		}
		defer current.Close()
		root = current
	}
	size := 0
	err = fs.WalkDir(root.FS(), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		file, err := m.read(root, path, entry)
		if err != nil {
			return err
		}
		files, size = append(files, file), size+file.Size
		if size > maxFolderSize || len(files) > maxFolderFiles {
			return errTooLarge
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return files, nil
}

// read describes one file of a folder.
func (m Marker) read(root *os.Root, path string, entry fs.DirEntry) (File, error) {
	if entry.Type()&fs.ModeSymlink != 0 {
		return File{}, fmt.Errorf("%s is a symbolic link; copy the files that the links name, such as by cp -rL", path)
	}
	if !entry.Type().IsRegular() {
		return File{}, fmt.Errorf("%s is not a regular file", path)
	}
	if info, err := entry.Info(); err != nil || info.Size() > maxFolderSize {
		return File{}, cmp.Or(err, errTooLarge)
	}
	file, err := root.Open(path)
	if err != nil {
		return File{}, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxFolderSize+1))
	if err != nil {
		return File{}, err
	}
	return m.File(path, 0, "", content), nil
}
