// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"slices"
	"strings"
	"syscall"
)

// find returns the path of a program. It looks in the PATH of this process, not in one of the
// secrets: a secret must not choose which program runs.
func find(name string) (string, error) {
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
		return path, nil
	case errors.Is(err, exec.ErrDot):
		return "", fmt.Errorf("%s: %w in a directory of PATH but the current one; write ./%s", name, ErrNotFound, name)
	case errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EISDIR):
		return "", fmt.Errorf("%s: %w: it is a directory, or lacks the permission", name, ErrNotExecutable)
	case strings.ContainsRune(name, '/'):
		return "", fmt.Errorf("%s: %w", name, ErrNotFound)
	}
	return "", fmt.Errorf("%s: %w in PATH; write the whole path of the program", name, ErrNotFound)
}

// started returns the error of the start of a program in words that say what to do; nil for nil.
func started(err error, program []string, path string, s state) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.E2BIG):
		return tooLarge(program, s)
	case errors.Is(err, fs.ErrNotExist) && exists(path):
		return fmt.Errorf("%s: %w: the interpreter of the script, or the loader of the program, is not in this image", path,
			ErrNotExecutable)
	}
	return fmt.Errorf("%s: %w: %w", path, ErrNotExecutable, err)
}

// tooLarge returns the error of an environment that the kernel refuses, with the largest variables.
func tooLarge(program []string, s state) error {
	all := 0
	for _, text := range slices.Concat(program, s.environment) {
		all += len(text) + 1
	}
	largest := slices.Clone(s.set)
	slices.SortStableFunc(largest, func(a, b variable) int { return b.value.Len() - a.value.Len() })
	var names []string
	for _, v := range largest[:min(3, len(largest))] {
		names = append(names, fmt.Sprintf("%s of %s (%d bytes)", v.name, v.where, v.value.Len()))
	}
	return fmt.Errorf("%s: %w: the environment is too large; with the arguments it has %d bytes. Linux allows 128 KiB "+
		"for a variable, "+
		"and for all together a quarter of the stack's limit, usually 2 MiB. The largest: %s. Let the program read "+
		"large values "+
		"from the files", program[0], ErrNotExecutable, all, strings.Join(names, ", "))
}
