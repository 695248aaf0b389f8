// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// list returns what a directory has: mode, path and content of each file and directory.
func list(t *testing.T, dir string) (all []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		content := "/"
		if !entry.IsDir() {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			content = " " + string(text)
		}
		all = append(all, fmt.Sprintf("%o %s%s", info.Mode().Perm(), name, content))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestACopyIsForItsOwnerOnly(t *testing.T) {
	v := newVolume(t, map[string]string{"A": "1", "db/user": "kevin", ".dockerconfigjson": "{}"})
	write(t, v.dir, map[string]string{"..2026_1/not a variable": "x"})
	to := filepath.Join(t.TempDir(), "new", "env")
	if code, err := Run(Options{Sources: []Source{{Volume, v.dir}}, CopyTo: to}); code != 0 || err != nil {
		t.Fatal(code, err)
	}
	want := []string{"600 .dockerconfigjson {}", "600 A 1", "700 db/", "600 db/user kevin", "600 not a variable x"}
	if got := list(t, to); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if info, err := os.Stat(to); err != nil || info.Mode().Perm() != 0o700 {
		t.Error(info.Mode(), err)
	}
}

func TestACopyHasTheFilesOfAllSources(t *testing.T) {
	dir, to := t.TempDir(), t.TempDir()
	write(t, dir, map[string]string{"one/1 A": "1", "two/B": "2", "x/app.env": "C='3'", "x/other": "no"})
	o := Options{CopyTo: to,
		Sources: []Source{{EnvDir, dir + "/one"}, {EnvDir, dir + "/two"}, {EnvFile, dir + "/x/app.env"}}}
	if _, err := Run(o); err != nil {
		t.Fatal(err)
	}
	if got, want := list(t, to), []string{"600 1 A 1", "600 B 2", "600 app.env C='3'"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	write(t, dir, map[string]string{"one/B": "4", "one/1 A": "5"})
	if _, err := Run(o); err == nil || !strings.Contains(err.Error(), "two sources have a file B") {
		t.Error(err)
	}
	if got := list(t, to); got[0] != "600 1 A 1" {
		t.Errorf("a failure changed files: %q", got)
	}
}

// TestACopyFollowsItsSource changes files, also one into a directory and back, next to a file that is
// not ours and what a killed process has left.
func TestACopyFollowsItsSource(t *testing.T) {
	to := t.TempDir()
	write(t, to, map[string]string{"theirs": "x", unfinished + "/0": "half", "A": "of an earlier container"})
	v := newVolume(t, map[string]string{"A": "1", "db/user": "kevin"})
	target := &target{dir: to}
	step := func(files map[string]string, want ...string) {
		t.Helper()
		v.update(files)
		all, _, err := read([]Source{{Volume, v.dir}})
		if err == nil {
			err = target.copy(all)
		}
		if got := list(t, to); err != nil || !slices.Equal(got, append(want, "644 theirs x")) {
			t.Errorf("%q, %v", got, err)
		}
	}
	step(map[string]string{"A": "1", "db/user": "kevin"}, "600 A 1", "700 db/", "600 db/user kevin")
	step(map[string]string{"A": "2", "db": "file"}, "600 A 2", "600 db file")
	step(map[string]string{"db/x/y": "3"}, "700 db/", "700 db/x/", "600 db/x/y 3")
	step(map[string]string{"B": "4"}, "600 B 4")
}

func TestACopyIntoASourceIsRefused(t *testing.T) {
	v := newVolume(t, map[string]string{"A": "1", "B/c": "2"})
	to := filepath.Join(t.TempDir(), "link")
	link(t, v.dir, to)
	for _, to := range []string{v.dir, v.dir + "/new", v.dir + "/B", to, to + "/new/newer"} {
		if _, err := Run(Options{Sources: []Source{{Volume, v.dir}}, CopyTo: to}); err == nil ||
			!strings.Contains(err.Error(), "name another directory") {
			t.Errorf("%s: %v", to, err)
		}
	}
	if _, err := Run(Options{Sources: []Source{{Volume, v.dir}}, CopyTo: v.dir + "-copy"}); err != nil {
		t.Error(err)
	}
	_ = os.RemoveAll(v.dir + "-copy")
}
