package connections

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ovhcloud-csi-provider/provider/credential"
	"ovhcloud-csi-provider/provider/sensitive"
)

// maxFile limits a file of a credential in bytes. A Kubernetes Secret has as much.
const maxFile = 1 << 20

// kubernetesData is the link that kubelet replaces when a mounted Secret or ConfigMap
// changes, so that all its files change at once.
const kubernetesData = "..data"

// ErrNoFolder is in the chain of the error about a folder that does not exist.
var ErrNoFolder = fmt.Errorf("%w: there is no such folder", credential.ErrNoCredential)

// readFolder reads the files of a credential, one for each key. They are all of one state
// of the folder, even if it changes meanwhile: an old clientId with a new clientSecret
// would be a credential that never existed.
func readFolder(dir string) (credential.Material, error) {
	for range 3 {
		from, before := stateOf(dir)
		m, err := readFiles(from)
		if again, after := stateOf(dir); from == again && (before == nil) == (after == nil) && (before == nil || os.SameFile(before, after)) {
			return m, err
		}
	}
	return nil, errors.New("the folder changes all the time")
}

// stateOf returns the folder that really has the files of dir, which kubelet replaces at
// each change, and its identity. folder is nil if it does not exist.
func stateOf(dir string) (from string, folder fs.FileInfo) {
	from = dir
	if state, err := os.Readlink(filepath.Join(dir, kubernetesData)); err == nil {
		if from = state; !filepath.IsAbs(from) {
			from = filepath.Join(dir, state)
		}
	}
	folder, err := os.Stat(from)
	if err != nil {
		return from, nil
	}
	return from, folder
}

// readFiles reads the known keys, and only the names of other files.
func readFiles(dir string) (credential.Material, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoFolder
	} else if err != nil {
		return nil, withoutPath(err)
	}
	m := credential.Material{}
	for _, entry := range entries {
		name := entry.Name()
		if !slices.Contains(credential.Keys(), name) {
			if !strings.HasPrefix(name, ".") {
				m[name] = sensitive.Bytes{}
			}
			continue
		}
		content, err := readFile(filepath.Join(dir, name))
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		m[name] = sensitive.New(content)
	}
	return m, nil
}

// readFile reads a regular file to its end. It does not open what could block.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, withoutPath(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("is not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, withoutPath(err)
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, withoutPath(err)
	}
	if len(content) > maxFile {
		return nil, fmt.Errorf("is larger than %d bytes", maxFile)
	}
	return content, nil
}

// withoutPath returns only the cause: kubelet's folders have time stamps as names, and the
// caller names the folder or file that users know.
func withoutPath(err error) error {
	var of *fs.PathError
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}
