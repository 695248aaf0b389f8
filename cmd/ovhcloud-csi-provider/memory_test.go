// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"testing"

	"ovhcloud-csi-provider/provider/budget"
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

func TestGarbageMayGrowWhileMountsUseMuchMemory(t *testing.T) {
	t.Setenv("GOGC", "")
	before := debug.SetGCPercent(gcPercent)
	t.Cleanup(func() { debug.SetGCPercent(before) })
	percent := func() int {
		now := debug.SetGCPercent(gcPercent)
		debug.SetGCPercent(now)
		return now
	}
	usual := runtime.GOMAXPROCS(0)
	t.Setenv("GOMAXPROCS", "")
	memory := budget.New(chartLimit)
	pace := paceGC(memory)
	account := memory.Open("shop")
	defer account.Close()
	account.Take(budget.Arrived, 1)
	if got := percent(); got != gcPercent {
		t.Errorf("with a byte held, the heap may grow by %d %%", got)
	}
	if !account.Take(budget.Holding, muchHeld/2) || !account.Take(budget.Running, muchHeld/4) ||
		!account.Take(budget.Arrived, muchHeld/4) {
		t.Fatal("20 MiB are not to be had")
	}
	if got := percent(); got != gcPercentBusy {
		t.Errorf("with 20 MiB held, the heap may grow by %d %%", got)
	}
	if pace.mayGiveBack(100 << 20) {
		t.Error("memory is given back while mounts hold 20 MiB")
	}
	if got := runtime.GOMAXPROCS(0); got < procsBusy {
		t.Errorf("with 20 MiB held, %d goroutines run at once", got)
	}
	pace.slowDown()
	if got := percent(); got != gcPercentBusy {
		t.Errorf("with 20 MiB still held, the heap may grow by %d %%", got)
	}
	account.Close()
	pace.slowDown()
	if got := percent(); got != gcPercent {
		t.Errorf("with nothing held, the heap may grow by %d %%", got)
	}
	if got := runtime.GOMAXPROCS(0); got != usual {
		t.Errorf("with nothing held, %d goroutines run at once, and %d before", got, usual)
	}
	if !pace.mayGiveBack(worthGivingBack+1) || pace.mayGiveBack(worthGivingBack) {
		t.Error("what is given back with nothing held is wrong")
	}
	t.Setenv("GOMAXPROCS", "3")
	fixed := paceGC(memory)
	fixed.held = func() int64 { return muchHeld + 1 }
	fixed.speedUp()
	if got := runtime.GOMAXPROCS(0); got != usual {
		t.Errorf("GOMAXPROCS has no effect: %d goroutines run at once", got)
	}
	t.Setenv("GOGC", "100")
	if paceGC(memory) != nil {
		t.Error("GOGC has no effect")
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
