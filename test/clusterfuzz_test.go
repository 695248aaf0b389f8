// SPDX-License-Identifier: Apache-2.0

package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// compiler replaces a program of OSS-Fuzz's image. It looks for the fuzz function as that program does, but builds
// nothing. Like that program, it exits with status 0 if it does not find the function in exactly one file.
const compiler = `#!/bin/sh -eu
files=$(grep -rl --include='*.go' "$2" "${1#ovhcloud-csi-provider/}")
[ "$(grep "func $2" $files | grep -c testing.F)" = 1 ] || exit 0
echo "${1#ovhcloud-csi-provider/}:$2" >> "$OUT/built"
touch "$OUT/$3"; chmod +x "$OUT/$3"
`

// ClusterFuzzLite must build what make fuzz runs, but for the targets that it cannot import.
func TestClusterFuzzLiteBuildsTheFuzzTargets(t *testing.T) {
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, target := range regexp.MustCompile(`[a-z/-]+:Fuzz\w+`).FindAllString(string(makefile), -1) {
		if !strings.HasPrefix(target, "test/formats:") && !strings.HasPrefix(target, "cmd/ovhcloud-csi-provider:") &&
			!slices.Contains(want, target) {
			want = append(want, target)
		}
	}
	source, out, bin := t.TempDir(), t.TempDir(), t.TempDir()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(root, filepath.Join(source, "ovhcloud-csi-provider")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bin, "compile_native_go_fuzzer_v2"), []byte(compiler), 0o700); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("../.clusterfuzzlite/build.sh")
	build.Env = append(os.Environ(), "SRC="+source, "OUT="+out, "PATH="+bin+":"+os.Getenv("PATH"))
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	built, err := os.ReadFile(filepath.Join(out, "built"))
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Fields(string(built))
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) || len(want) < 12 {
		t.Errorf("built %s\nwant %s", got, want)
	}
}
