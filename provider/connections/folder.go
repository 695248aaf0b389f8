// SPDX-License-Identifier: Apache-2.0

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

// maxFile is the limit of a file in bytes. It is that of a Kubernetes Secret.
const maxFile = 1 << 20

// kubernetesData is the link in the volume of a Secret or ConfigMap. Kubelet replaces it at each
// change, so that all files change at once.
const kubernetesData = "..data"

// ErrNoFolder is the error for a folder of a credential that does not exist.
var ErrNoFolder = fmt.Errorf("%w: there is no such folder", credential.ErrNoCredential)

// readFolder returns the files of a credential by key, all of one state of the folder. An old
// clientId with a new clientSecret would be an invalid credential. The error is for a folder that
// changed during each attempt, or that cannot be read.
func readFolder(dir string) (credential.Material, error) {
	for range 3 {
		from, before := stateOf(dir)
		m, err := readFiles(from)
		again, after := stateOf(dir)
		sameFolder := before == nil && after == nil || before != nil && after != nil && os.SameFile(before, after)
		if from == again && sameFolder {
			return m, err
		}
	}
	return nil, errors.New("the folder changed during each of 3 attempts to read it")
}

// stateOf returns the path of the folder that has the files of dir, which kubelet replaces at each
// change, and its identity for os.SameFile; nil if the folder does not exist.
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

// readFiles returns the known files of a folder by key, and the names of the other files with
// empty values, for messages.
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

// readFile returns the content of a regular file. It opens nothing else, since that could block.
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

// withoutPath returns the cause of an error without the path: kubelet's folders have names with
// time stamps, and the caller names the folder or file that users know.
func withoutPath(err error) error {
	var of *fs.PathError
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}
