// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"ovhcloud-csi-provider/provider/sensitive"
)

// Kind is what a Source is.
type Kind int

const (
	// EnvDir is a directory in which each file is a variable.
	EnvDir Kind = iota + 1
	// EnvFile is a file with lines NAME='value'.
	EnvFile
	// Volume is a directory whose files are no variables: they are copied and watched.
	Volume
)

// flags has the flag of each kind, for messages.
var flags = map[Kind]string{EnvDir: "--env-dir", EnvFile: "--env-file", Volume: "--volume"}

// Source is a place that files are read from. Path is that of a directory or a file.
type Source struct {
	Kind Kind
	Path string
}

const (
	// maxBytes bounds the files of all sources together, in bytes. A volume of the driver has fewer.
	maxBytes = 4 << 20
	// maxFiles bounds the number of files and directories of all sources together.
	maxFiles = 10_000
	// kubernetesData is the link to the files of a volume that kubelet or the driver writes. It is
	// replaced at each change, so that all files change at once.
	kubernetesData = "..data"
	// attempts is how often files that change meanwhile are read, with pause between two attempts.
	attempts = 20
	pause    = 50 * time.Millisecond
)

// file is a file of a source.
type file struct {
	source  Source
	name    string // its path in the source, with slashes; the last segment of an EnvFile's path
	content sensitive.Bytes
}

// where returns the path of the file, for messages: not the one behind kubernetesData.
func (f file) where() string {
	if f.source.Kind == EnvFile {
		return f.source.Path
	}
	return filepath.Join(f.source.Path, filepath.FromSlash(f.name))
}

// read returns the files of the sources, all of one state: nothing changed while they were read.
func read(sources []Source) ([]file, string, error) {
	for range attempts {
		before := stamp(sources)
		files, err := readOnce(sources)
		if before == stamp(sources) {
			return files, before, err
		}
		time.Sleep(pause)
	}
	return nil, "", fmt.Errorf("%s changed during each of %d attempts to read it", sources[0].Path, attempts)
}

// stamp returns a text that differs if a file of the sources was changed, added or removed. It does
// not read the files.
func stamp(sources []Source) string {
	var b strings.Builder
	for _, source := range sources {
		from, err := source.root()
		fmt.Fprintf(&b, "%s %v\n", from, err)
		err = source.walk(from, func(name, path string, info fs.FileInfo) error {
			fmt.Fprintf(&b, "%s %d %d %s\n", name, info.Size(), info.ModTime().UnixNano(), identity(info))
			return nil
		})
		fmt.Fprintf(&b, "%v\n", err)
	}
	return b.String()
}

// readOnce returns the files of the sources, which may be of different states.
func readOnce(sources []Source) (files []file, err error) {
	var size int64
	for _, source := range sources {
		from, err := source.root()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", flags[source.Kind], err)
		}
		err = source.walk(from, func(name, path string, info fs.FileInfo) error {
			content, err := readFile(path, maxBytes-size)
			if err != nil {
				return err
			}
			size += int64(len(content))
			if files = append(files, file{source, name, sensitive.New(content)}); len(files) > maxFiles {
				return fmt.Errorf("there are more than %d files", maxFiles)
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", flags[source.Kind], source.Path, err)
		}
	}
	return files, nil
}

// readFile returns the content of a file of at most most bytes.
func readFile(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(content)) > most {
		err = fmt.Errorf("%s: the files have more than %d MiB together", filepath.Base(path), maxBytes>>20)
	}
	return content, err
}

// root returns the path that has the files now: behind the link of a volume.
func (s Source) root() (string, error) {
	from := s.Path
	if s.Kind != EnvFile {
		if data := filepath.Join(s.Path, kubernetesData); exists(data) {
			from = data
		}
	}
	return filepath.EvalSymlinks(from)
}

// exists reports whether a path has a file, a directory or a link.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// walk calls visit for each file below from. It skips names that begin with two dots, which are
// kubelet's and the driver's own. Anything but files and directories is an error, and so is a link
// to a directory, which could lead into itself.
func (s Source) walk(from string, visit func(name, path string, info fs.FileInfo) error) error {
	if s.Kind == EnvFile {
		info, err := regular(from)
		if err != nil {
			return err
		}
		return visit(filepath.Base(s.Path), from, info)
	}
	entries := 0
	return filepath.WalkDir(from, func(at string, entry fs.DirEntry, err error) error {
		if entries++; entries > maxFiles {
			return fmt.Errorf("there are more than %d files and directories", maxFiles)
		}
		switch {
		case err != nil:
			return err
		case at == from && !entry.IsDir():
			return errors.New("is not a directory")
		case at == from:
			return nil
		case strings.HasPrefix(entry.Name(), ".."):
			if entry.IsDir() {
				return filepath.SkipDir
			}
			return nil
		case entry.IsDir():
			return nil
		}
		info, err := regular(at)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, at)
		if err != nil {
			return err
		}
		return visit(path.Clean(filepath.ToSlash(relative)), at, info)
	})
}

// regular returns the file that a path or its link leads to. Nothing but a regular file is ever
// opened, since that could block.
func regular(path string) (fs.FileInfo, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", filepath.Base(path))
	}
	return info, err
}
