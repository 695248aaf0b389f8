// SPDX-License-Identifier: Apache-2.0

package listing

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// describe returns changes as text.
func describe(changes []Change) (all []string) {
	for _, c := range changes {
		all = append(all, fmt.Sprintf("%s before=%v after=%v content=%v mode=%v refolded=%v", c.Path(),
			c.Before != nil, c.After != nil, c.Content(), c.Mode(), c.Refolded))
	}
	return all
}

func TestCompareFindsEachKindOfChange(t *testing.T) {
	m := NewMarker()
	file := func(path string, mode os.FileMode, content string) File {
		return m.File(path, mode, "1", []byte(content))
	}
	before := []File{file("same", 0o644, "a"), file("content", 0o644, "a"), file("mode", 0o644, "a"),
		file("unknown", 0, "a"),
		file("gone", 0o644, "a"), file("db", 0o644, "a"), file("tls/key", 0o644, "a")}
	after := []File{file("same", 0o644, "a"), file("content", 0o644, "b"), file("mode", 0o400, "a"),
		file("unknown", 0o400, "a"),
		file("new", 0o644, "a"), file("db/password", 0o644, "a"), file("tls", 0o644, "a")}
	changes, same := Compare(before, after)
	want := []string{
		"content before=true after=true content=true mode=false refolded=false",
		"db before=true after=false content=false mode=false refolded=true",
		"db/password before=false after=true content=false mode=false refolded=false",
		"gone before=true after=false content=false mode=false refolded=false",
		"mode before=true after=true content=false mode=true refolded=false",
		"new before=false after=true content=false mode=false refolded=false",
		"tls before=false after=true content=false mode=false refolded=true",
		"tls/key before=true after=false content=false mode=false refolded=false",
	}
	if got := describe(changes); strings.Join(got, "\n") != strings.Join(want, "\n") || same != 2 {
		t.Errorf("%d the same, and\n%s\nwant\n%s", same, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestMarksOfTwoMarkersDiffer: a mark cannot be compared with those of values that somebody tries.
func TestMarksOfTwoMarkersDiffer(t *testing.T) {
	m := NewMarker()
	a, b, c := m.File("a", 0, "", []byte("1234")), m.File("b", 0, "", []byte("1234")),
		NewMarker().File("a", 0, "", []byte("1234"))
	if a.Mark() != b.Mark() || a.Mark() == c.Mark() || len(a.Mark()) != 8 {
		t.Errorf("the marks are %s, %s and %s", a.Mark(), b.Mark(), c.Mark())
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestFolderReadsAVolumeOfTheDriver reads what Kubernetes' AtomicWriter makes: links to the current
// files. An older state, which is still there, is not read.
func TestFolderReadsAVolumeOfTheDriver(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "..2026_11_27", "db", "password"), "planted")
	write(t, filepath.Join(dir, "..2026_11_26", "db", "old"), "planted")
	for link, target := range map[string]string{"..data": "..2026_11_27", "db": "..data/db"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	files, err := NewMarker().Folder(dir)
	if err != nil || len(files) != 1 || files[0].Path != "db/password" || files[0].Size != 7 || files[0].Mode != 0 {
		t.Errorf("got %+v, %v", files, err)
	}
}

func TestFolderFollowsNoLinksAndIsBounded(t *testing.T) {
	outside := t.TempDir()
	write(t, filepath.Join(outside, "secret"), "planted")
	link := func(name, target string) string {
		dir := t.TempDir()
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	large := t.TempDir()
	write(t, filepath.Join(large, "x"), "")
	if err := os.Truncate(filepath.Join(large, "x"), maxFolderSize+1); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{
		link("a", filepath.Join(outside, "secret")): "a is a symbolic link; copy the files",
		link("..data", outside):                     "escapes",
		large:                                       "holds more than",
		filepath.Join(outside, "none"):              "no such file",
	} {
		if files, err := NewMarker().Folder(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, %v; want %q", dir, files, err, want)
		}
	}
}
