// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"
)

func TestTheMemoryLimitOfTheContainer(t *testing.T) {
	t.Setenv("GOMEMLIMIT", "")
	t.Setenv("GOGC", "100")
	before := debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	file := filepath.Join(t.TempDir(), "memory.max")
	if err := os.WriteFile(file, []byte("1000000000\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if limit := tuneGC([]string{file}); limit != 1_000_000_000 || debug.SetMemoryLimit(-1) != 800_000_000 {
		t.Errorf("of %d bytes the limit is %d", limit, debug.SetMemoryLimit(-1))
	}
	t.Setenv("GOMEMLIMIT", "1GiB")
	debug.SetMemoryLimit(1 << 30)
	if limit := tuneGC([]string{file}); limit != 1_000_000_000 || debug.SetMemoryLimit(-1) != 1<<30 {
		t.Errorf("GOMEMLIMIT has no effect, or more than the container's: %d", limit)
	}
	debug.SetMemoryLimit(800_000)
	if limit := tuneGC([]string{file}); limit != 1_000_000 {
		t.Errorf("GOMEMLIMIT is of %d bytes", limit)
	}
	debug.SetMemoryLimit(math.MaxInt64) // off
	if limit := tuneGC([]string{file}); limit != 1_000_000_000 {
		t.Errorf("without either it is %d", limit)
	}
}

func TestTheFilesOfCgroups(t *testing.T) {
	dir := t.TempDir()
	for text, want := range map[string]int64{"268435456\n": 268435456, "max\n": 0, "9223372036854771712\n": 0} {
		file := filepath.Join(dir, "memory.max")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := memoryLimit([]string{filepath.Join(dir, "absent"), file}); got != want {
			t.Errorf("%q is %d", text, got)
		}
	}
	if got := memoryLimit(nil); got != 0 {
		t.Errorf("without files it is %d", got)
	}
}
