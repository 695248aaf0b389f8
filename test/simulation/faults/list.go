// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
)

// fault is a change of the code that must be found.
type fault struct {
	name string
	// by is the test that must fail: its package, and a pattern for -run. Both are empty if the
	// histories must find it.
	by    struct{ dir, run string }
	edits []edit
}

// edit replaces a text in a file. The text must be in it exactly once.
type edit struct{ file, before, after string }

// parse reads a list of faults. Each begins with a line "== NAME", then maybe "by: PACKAGE TEST",
// then for each edit "--- FILE", the text before, "+++", and the text after. Lines before the first
// fault are a comment.
func parse(text string) (all []fault, err error) {
	var f *fault
	var into *string
	for n, line := range strings.Split(text, "\n") {
		mark, rest, _ := strings.Cut(line, " ")
		switch {
		case mark == "==":
			all = append(all, fault{name: rest})
			f, into = &all[len(all)-1], nil
		case f == nil:
		case mark == "by:":
			if _, err := fmt.Sscan(rest, &f.by.dir, &f.by.run); err != nil {
				return nil, fmt.Errorf("line %d: %w", n+1, err)
			}
		case mark == "---":
			f.edits = append(f.edits, edit{file: rest})
			into = &f.edits[len(f.edits)-1].before
		case mark == "+++" && into != nil:
			into = &f.edits[len(f.edits)-1].after
		case into != nil:
			*into += line + "\n"
		case line != "":
			return nil, fmt.Errorf("line %d is in no edit", n+1)
		}
	}
	for i := range all {
		for j := range all[i].edits {
			e := &all[i].edits[j]
			e.before, e.after = strings.Trim(e.before, "\n"), strings.Trim(e.after, "\n")
		}
	}
	return all, nil
}

// apply returns the changed files of a fault, by their paths below root.
func (f fault) apply(root string) (files map[string][]byte, err error) {
	files = map[string][]byte{}
	for _, e := range f.edits {
		content, changed := files[e.file]
		if !changed {
			if content, err = os.ReadFile(filepath.Join(root, filepath.Clean(e.file))); err != nil {
				return nil, err
			}
		}
		if n := bytes.Count(content, []byte(e.before)); e.before == "" || n != 1 {
			return nil, fmt.Errorf("%s has the text %d times, and must have it once: %s", e.file, n, e.before)
		}
		files[e.file] = bytes.Replace(content, []byte(e.before), []byte(e.after), 1)
	}
	for name, content := range files {
		if _, err := parser.ParseFile(token.NewFileSet(), name, content, 0); err != nil {
			return nil, err
		}
	}
	if len(files) == 0 {
		return nil, errors.New("changes nothing")
	}
	return files, nil
}

// overlay writes the changed files of a fault to a folder, see writeOverlay.
func (f fault) overlay(root, dir string) (path string, err error) {
	files, err := f.apply(root)
	if err != nil {
		return "", err
	}
	return writeOverlay(root, dir, files)
}

// writeOverlay writes files, by their paths below root, to a folder. It returns the path of the file
// that go's -overlay takes.
func writeOverlay(root, dir string, files map[string][]byte) (path string, err error) {
	replace := map[string]string{}
	for name, content := range files {
		at := filepath.Join(dir, strings.ReplaceAll(name, "/", "_"))
		if err := os.WriteFile(at, content, 0o600); err != nil {
			return "", err
		}
		replace[filepath.Join(root, name)] = at
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, text, 0o600)
}
