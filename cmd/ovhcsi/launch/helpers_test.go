// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"ovhcloud-csi-provider/provider/sensitive"
)

// write writes files by path below a directory, with its directories.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// volume is a directory that is written as the driver writes one: a new directory for each state, to
// which a link leads that is replaced by renaming, and links to the files for users.
type volume struct {
	t     *testing.T
	dir   string
	count int
}

func newVolume(t *testing.T, files map[string]string) *volume {
	v := &volume{t: t, dir: t.TempDir()}
	v.update(files)
	return v
}

// update replaces all files at once.
func (v *volume) update(files map[string]string) {
	v.t.Helper()
	v.count++
	name := "..2026_" + strconv.Itoa(v.count)
	write(v.t, filepath.Join(v.dir, name), files)
	before, _ := os.Readlink(filepath.Join(v.dir, kubernetesData))
	link(v.t, name, filepath.Join(v.dir, kubernetesData))
	for path := range files {
		first, _, _ := strings.Cut(path, "/")
		link(v.t, filepath.Join(kubernetesData, first), filepath.Join(v.dir, first))
	}
	if before != "" {
		if err := os.RemoveAll(filepath.Join(v.dir, before)); err != nil {
			v.t.Fatal(err)
		}
	}
}

// link makes a link in the place of another one, without a moment between.
func link(t *testing.T, to, at string) {
	t.Helper()
	if err := os.Symlink(to, at+"_tmp"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(at+"_tmp", at); err != nil {
		t.Fatal(err)
	}
}

// texts returns the variables as NAME=value, and the error.
func texts(t *testing.T, skip bool, sources ...Source) ([]string, error) {
	t.Helper()
	files, _, err := read(sources)
	if err != nil {
		return nil, err
	}
	all, err := variables(files, skip)
	return environ(nil, all), err
}

// fileOf returns an env file with a text.
func fileOf(text string) file {
	return file{Source{EnvFile, "/mnt/db.env"}, "db.env", bytesOf(text)}
}

func bytesOf(text string) sensitive.Bytes { return sensitive.New([]byte(text)) }
