// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
)

// unfinished is the directory within the target that has the files while they are written. One that
// a killed process left is removed.
const unfinished = ".ovhcsi-unfinished"

// target is a directory that files are copied to. The zero value copies nothing.
type target struct {
	dir    string
	copied map[string]bool // the paths of the files that it has from us
}

// check returns an error if a copy would be read as one of the sources.
func (t *target) check(sources []Source) error {
	if t.dir == "" {
		return nil
	}
	to, err := resolved(t.dir)
	if err != nil {
		return err
	}
	for _, s := range sources {
		from, err := resolved(s.Path)
		if err != nil {
			return err
		}
		if inside, err := filepath.Rel(from, to); s.Kind != EnvFile && err == nil && filepath.IsLocal(inside) {
			return fmt.Errorf("--copy-to: %s is within %s %s; name another directory", t.dir, flags[s.Kind], s.Path)
		}
	}
	return nil
}

// resolved returns a path without links, as far as it exists.
func resolved(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real, nil
	}
	if path == filepath.Dir(path) {
		return path, nil
	}
	parent, err := resolved(filepath.Dir(path))
	return filepath.Join(parent, filepath.Base(path)), err
}

// copy writes the files, with mode 0600, in directories of mode 0700. A reader sees an old or a new
// file and never a part of one. If they cannot all be written, none is replaced. Files of an earlier
// copy that no source has any more are removed.
func (t *target) copy(files []file) error {
	if t.dir == "" {
		return nil
	}
	if err := t.write(files); err != nil {
		return fmt.Errorf("--copy-to %s: %w", t.dir, err)
	}
	return nil
}

func (t *target) write(files []file) (err error) {
	names := map[string]bool{}
	for _, f := range files {
		if names[f.name] {
			return fmt.Errorf("two sources have a file %s", f.name)
		}
		names[f.name] = true
	}
	if err := os.MkdirAll(t.dir, 0o700); err != nil {
		return err
	}
	root, err := os.OpenRoot(t.dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.RemoveAll(unfinished); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.RemoveAll(unfinished)) }()
	if err := root.Mkdir(unfinished, 0o700); err != nil {
		return err
	}
	for i, f := range files {
		// copies are secrets too
		if err := root.WriteFile(path.Join(unfinished, strconv.Itoa(i)), f.content.Reveal(), 0o600); err != nil {
			return err
		}
	}
	return t.publish(root, files, names)
}

// publish moves the files, which are complete, to their paths.
func (t *target) publish(root *os.Root, files []file, names map[string]bool) error {
	for name := range t.copied {
		if names[name] {
			continue
		}
		if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for dir := path.Dir(name); dir != "." && root.Remove(dir) == nil; dir = path.Dir(dir) { // if it is empty
		}
	}
	t.copied = names
	for i, f := range files {
		if err := root.MkdirAll(path.Dir(f.name), 0o700); err != nil {
			return err
		}
		if err := root.Rename(path.Join(unfinished, strconv.Itoa(i)), f.name); err != nil {
			return err
		}
	}
	return nil
}
