// SPDX-License-Identifier: Apache-2.0

// Package seed reads the secrets of an emulator from a folder of files.
//
// It knows no emulator.
package seed

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// The most that a folder may hold.
const (
	maxSecrets = 2000
	maxFile    = 1 << 20  // bytes
	maxSize    = 64 << 20 // bytes of all files
)

// Secret is a secret of a folder.
type Secret struct {
	// Path is the path of the secret: that of the file below the folder, without its extension.
	Path string
	// File is the path of the file below the folder.
	File string
	// Data is the JSON text of an object, or what a .json file holds instead of one.
	Data string
}

// Folder returns the secrets of the folder dir, in the lexical order of their files. A file .json is
// kept byte for byte. A file .yaml or .yml is a map, which becomes a JSON object. Names that begin with
// a dot are left out, and any other file is an error. A symbolic link is followed to a file
// within the folder only.
func Folder(dir string) (all []Secret, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	files, size := map[string]string{}, 0
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if hidden := name != "." && strings.HasPrefix(entry.Name(), "."); hidden && entry.IsDir() {
			return fs.SkipDir
		} else if hidden || entry.IsDir() {
			return nil
		}
		secret, read, err := readFile(root, name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if other, twice := files[secret.Path]; twice {
			return fmt.Errorf("%s: %s is the same secret, %s; keep one of them", name, other, secret.Path)
		}
		files[secret.Path] = name
		all, size = append(all, secret), size+read
		if len(all) > maxSecrets || size > maxSize {
			return fmt.Errorf("holds more than %d secrets or %d MiB", maxSecrets, maxSize>>20)
		}
		return nil
	})
	if err == nil && len(all) == 0 {
		err = errors.New("holds no .json, .yaml or .yml file; a file a/b.yaml is the secret a/b")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return all, nil
}

// readFile reads the secret of a file, and returns the size of the file.
func readFile(root *os.Root, name string) (secret Secret, size int, err error) {
	extension := path.Ext(name)
	switch extension {
	case ".json", ".yaml", ".yml":
	default:
		return secret, 0,
			errors.New("is not a .json, .yaml or .yml file; rename it, move it out, or let its name begin with a dot")
	}
	info, err := root.Stat(name)
	if err != nil {
		return secret, 0, cause(err)
	}
	if !info.Mode().IsRegular() {
		return secret, 0, errors.New("is not a regular file")
	}
	file, err := root.Open(name)
	if err != nil {
		return secret, 0, cause(err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return secret, 0, cause(err)
	}
	if len(text) > maxFile {
		return secret, 0, fmt.Errorf("is larger than %d MiB", maxFile>>20)
	}
	data := string(text)
	if extension != ".json" {
		data, err = objectOfYAML(data)
	}
	return Secret{strings.TrimSuffix(name, extension), name, data}, len(text), err
}

// cause returns an error without the path, which the caller adds.
func cause(err error) error {
	if wrapped := (*fs.PathError)(nil); errors.As(err, &wrapped) {
		return cmp.Or(wrapped.Err, err)
	}
	return err
}
