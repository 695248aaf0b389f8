// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// repository makes a repository that is ready for version 0.1.0.
func repository(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	for name, content := range map[string]string{
		"CHANGELOG.md":                         "# Changelog\n\n## 0.1.0 (2026-11-27)\n\n- It works.\n",
		chartFile:                              "name: x\nversion: 0.1.0\nappVersion: 0.1.0\n",
		"manifests/ovhcloud-csi-provider.yaml": "labels:\n  app.kubernetes.io/version: \"0.1.0\"\n",
	} {
		write(t, filepath.Join(root, name), content)
	}
	run := func(args ...string) {
		t.Helper()
		if _, err := git(root, args...); err != nil {
			t.Fatal(err)
		}
	}
	run("init", "-q")
	run("config", "user.name", "somebody")
	run("config", "user.email", "somebody@example.invalid")
	run("add", ".")
	run("commit", "-q", "-m", "Begin")
	return root
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestAReadyRepositoryIsReleased(t *testing.T) {
	root := repository(t)
	if _, err := git(root, "tag", "v0.1.0"); err != nil {
		t.Fatal(err)
	}
	if wrong := unready(root, "0.1.0"); wrong != nil {
		t.Errorf("got %q", wrong)
	}
	commit, at, err := head(root)
	if err != nil || len(commit) != 40 || time.Since(at) > time.Hour || at.Location() != time.UTC {
		t.Errorf("commit %q at %s: %v", commit, at, err)
	}
}

func TestARepositoryThatIsNotReadyIsRefused(t *testing.T) {
	for _, c := range []struct {
		version string
		change  func(t *testing.T, root string)
		want    string
	}{
		{"", nil, "give a version such as VERSION=0.1.0"},
		{"v0.1.0", nil, "without a v"},
		{"0.1", nil, "give a version"},
		{"00.1.0", nil, "give a version"},
		{"0.2.0", nil, `CHANGELOG.md has no section "## 0.2.0 (YYYY-MM-DD)"`},
		{"0.2.0", nil, chartFile + " has version 0.1.0; change it"},
		{"0.2.0", nil, "manifests/ovhcloud-csi-provider.yaml has version 0.1.0; change it with test/chart/check --write"},
		{"0.1.0", func(t *testing.T, root string) { write(t, filepath.Join(root, "new"), "x") }, "the work tree has changes"},
		{"0.1.0", func(t *testing.T, root string) { _, _ = git(root, "tag", "v0.3.0") }, "the commit has the tag v0.3.0"},
		{"0.1.0", func(t *testing.T, root string) { write(t, filepath.Join(root, chartFile), "name: x\n") },
			chartFile + " has version none"},
		{"0.1.0", func(t *testing.T, root string) {
			write(t, filepath.Join(root, "CHANGELOG.md"), "## 0.1.0\n\n## 0.1.0-rc.1 (2026-11-01)\n")
		}, "CHANGELOG.md has no section"},
	} {
		root := repository(t)
		if c.change != nil {
			c.change(t, root)
		}
		if got := strings.Join(unready(root, c.version), "\n"); !strings.Contains(got, c.want) {
			t.Errorf("version %q: got %q, want %q", c.version, got, c.want)
		}
		if err := run(root, "out", c.version, "https://example.invalid"); err == nil {
			t.Errorf("version %q is released", c.version)
		}
		if _, err := os.Stat(filepath.Join(root, "out")); err == nil {
			t.Errorf("version %q: files are written", c.version)
		}
	}
}
