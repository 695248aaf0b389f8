// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

func TestAVolumeIsReadBehindItsLink(t *testing.T) {
	v := newVolume(t, map[string]string{"A": "1", "B": "2\n"})
	v.update(map[string]string{"A": "3", "B": "4\n"})
	got, err := texts(t, false, Source{EnvDir, v.dir})
	if want := []string{"A=3", "B=4"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
	write(t, v.dir, map[string]string{"..2026_2/db.env": "C='5'\n"})
	link(t, "..data/db.env", filepath.Join(v.dir, "db.env"))
	if got, err := texts(t, false, Source{EnvFile, filepath.Join(v.dir, "db.env")}); err != nil ||
		!slices.Equal(got, []string{"C=5"}) {
		t.Errorf("%q, %v", got, err)
	}
}

// TestFilesAreOfOneState reads two files, by both kinds of source, while the volume changes.
func TestFilesAreOfOneState(t *testing.T) {
	files := func(v string) map[string]string {
		return map[string]string{"A": v, "B": v, "x.env": "X='" + v + "'"}
	}
	v := newVolume(t, files("0"))
	var ended sync.WaitGroup
	stop := make(chan struct{})
	ended.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				v.update(files(strings.Repeat("y", v.count%7)))
			}
		}
	})
	good := 0
	for range 60 {
		all, _, err := read([]Source{{EnvDir, v.dir}, {EnvFile, filepath.Join(v.dir, "x.env")}})
		if err != nil {
			if !strings.Contains(err.Error(), "changed during each") {
				t.Fatal(err)
			}
			continue
		}
		good++
		got := map[string]string{}
		for _, f := range all {
			got[flags[f.source.Kind]+f.name] = string(f.content.Reveal())
		}
		a := got[flags[EnvDir]+"A"]
		if got[flags[EnvDir]+"B"] != a || got[flags[EnvFile]+"x.env"] != "X='"+a+"'" {
			t.Fatalf("files of two states: %q", got)
		}
	}
	close(stop)
	ended.Wait()
	if _, _, err := read([]Source{{EnvDir, v.dir}}); err != nil {
		t.Error(err)
	}
	t.Logf("%d of 60 reads came to an end while the volume changed", good)
}

func TestAChangeHasAnotherStamp(t *testing.T) {
	dir := t.TempDir()
	sources := []Source{{EnvDir, dir}, {EnvFile, filepath.Join(dir, "x.env")}}
	seen := map[string]string{stamp(sources): "nothing"}
	step := func(what string, change func()) {
		t.Helper()
		change()
		now := stamp(sources)
		if before := seen[now]; before != "" {
			t.Errorf("%s: the stamp is that of %s", what, before)
		}
		if again := stamp(sources); again != now {
			t.Errorf("%s: two stamps of one state differ", what)
		}
		seen[now] = what
	}
	step("a file", func() { write(t, dir, map[string]string{"A": "1"}) })
	step("a longer one", func() { write(t, dir, map[string]string{"A": "12"}) })
	step("an env file", func() { write(t, dir, map[string]string{"x.env": ""}) })
	step("another file of the same size and time", func() {
		info, err := os.Stat(filepath.Join(dir, "A"))
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, map[string]string{"..new": "34"})
		if err := os.Chtimes(filepath.Join(dir, "..new"), info.ModTime(), info.ModTime()); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, "..new"), filepath.Join(dir, "A")); err != nil {
			t.Fatal(err)
		}
	})
	step("a file less", func() { _ = os.Remove(filepath.Join(dir, "A")) })
	step("no directory", func() { _ = os.RemoveAll(dir) })
}

func TestWhatCannotBeReadIsNamed(t *testing.T) {
	dir := t.TempDir()
	write(t, dir,
		map[string]string{"A": "1", "large/A": strings.Repeat("x", maxBytes/2), "large/B": strings.Repeat("x", maxBytes/2+1)})
	for _, sub := range []string{"linked", "fifo", "many"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	link(t, "..", filepath.Join(dir, "linked", "loop"))
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo", "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	for i := range maxFiles {
		if err := os.Symlink("../A", filepath.Join(dir, "many", strconv.Itoa(i))); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		source Source
		say    string
	}{
		{Source{EnvDir, filepath.Join(dir, "none")}, "--env-dir: lstat " + filepath.Join(dir, "none") + ": no such file"},
		{Source{EnvFile, filepath.Join(dir, "none")}, "--env-file: lstat"},
		{Source{EnvDir, filepath.Join(dir, "A")}, "A: is not a directory"},
		{Source{EnvFile, dir}, "is not a regular file"},
		{Source{Volume, filepath.Join(dir, "linked")}, "linked: loop is not a regular file"},
		{Source{Volume, filepath.Join(dir, "fifo")}, "fifo: pipe is not a regular file"},
		{Source{Volume, filepath.Join(dir, "large")}, "large: B: the files have more than 4 MiB together"},
		{Source{Volume, filepath.Join(dir, "many")}, "many: there are more than 10000 files"},
	} {
		if _, _, err := read([]Source{c.source}); err == nil || !strings.Contains(err.Error(), c.say) {
			t.Errorf("%v: %v; want %s", c.source, err, c.say)
		}
	}
}
