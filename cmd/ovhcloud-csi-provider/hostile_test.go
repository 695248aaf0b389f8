package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"testing"

	"ovhcloud-csi-provider/provider/budget"
	"ovhcloud-csi-provider/test/harness"
)

// A pod's author can send classes and secrets that need much memory to be parsed.
func TestNoPodCanExhaustTheMemory(t *testing.T) {
	store := harness.StartStore(t)
	// as in a container
	p := startDaemon(t, store, harness.SocketPath(t), []string{fmt.Sprint("GOMEMLIMIT=", chartLimit/5*4)})
	if _, err := os.Stat(fmt.Sprintf("/proc/%d/status", p.Process.Pid)); os.IsNotExist(err) {
		t.Skip("this system has no /proc")
	}
	store.Hold(t, map[string]string{"innocent": `{"a":"1"}`})
	large := strings.Repeat("x", 1_400_000)
	// HTTP/2 compresses letters, and to decompress them the store takes most of the test's
	// time. It does not compress a plus sign.
	const sign = "+"
	for name, attack := range map[string]struct {
		mount harness.Mount
		times int
	}{
		"many keys":        {harness.Mount{Objects: manyKeys(t, store)}, 4},
		"many fields":      {harness.Mount{Objects: "- {" + strings.Repeat("a,", 131_000) + "}"}, 10},
		"many entries":     {harness.Mount{Objects: "[" + strings.Repeat("a,", 131_000) + "]"}, 40},
		"many refusals":    {harness.Mount{Objects: manySecrets(1000), Token: "wrong"}, 40},
		"large tokens":     {harness.Mount{Objects: manySecrets(500), Token: strings.Repeat("x", 700_000)}, 4},
		"tokens":           {harness.Mount{Objects: manySecrets(500), Token: strings.Repeat(sign, 16_000)}, 20},
		"large parameters": {harness.Mount{Objects: manySecrets(1), Attributes: map[string]string{"unknown": large}}, 40},
		"large answers":    {harness.Mount{Objects: manyFiles(t, store)}, 110},
		"large Secrets": {harness.Mount{Objects: manySecrets(500),
			Secrets: map[string]string{"token": harness.Token, "other": large}}, 40},
	} {
		t.Run(name, func(t *testing.T) {
			var all sync.WaitGroup
			for range attack.times {
				all.Go(func() { _, _ = p.client.Mount(t.Context(), store.Request(attack.mount)) })
			}
			all.Wait()
			if _, err := p.client.Mount(t.Context(),
				store.Request(harness.Mount{Objects: "- secretPath: innocent"})); err != nil {
				t.Errorf("a mount after it: %v", err)
			}
			if most := mostMemory(t, p.Process.Pid); most > chartLimit {
				t.Errorf("it took %d MB of the %d that the chart gives", most>>20, chartLimit>>20)
			} else {
				t.Logf("the most so far is %d MB", most>>20)
			}
		})
	}
}

// manyKeys writes secrets with thousands of keys each to the store, as much as one mount
// may hold, and returns objects with a key of each.
func manyKeys(t *testing.T, store *harness.Store) string {
	t.Helper()
	var secret, objects strings.Builder
	for i := 0; secret.Len() < 62_000; i++ {
		fmt.Fprintf(&secret, `,"%d":1`, i)
	}
	for i := range 250 {
		store.Hold(t, map[string]string{fmt.Sprint("keys/", i): "{" + secret.String()[1:] + "}"})
		fmt.Fprintf(&objects, "- {secretPath: keys/%d, secretKey: '0', objectName: f%d}\n", i, i)
	}
	return objects.String()
}

// manyFiles returns objects with the same large secret, up to the limit of the driver.
func manyFiles(t *testing.T, store *harness.Store) string {
	t.Helper()
	store.Hold(t, map[string]string{"large": `{"k":"` + strings.Repeat("x", 63_000) + `"}`})
	var objects strings.Builder
	for i := range 57 {
		fmt.Fprintf(&objects, "- {secretPath: large, secretKey: k, objectName: f%d}\n", i)
	}
	return objects.String()
}

func manySecrets(n int) string {
	var objects strings.Builder
	for i := range n {
		fmt.Fprintf(&objects, "- secretPath: many/%d\n", i)
	}
	return objects.String()
}

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
		t.Fatal("32 MiB are not to be had")
	}
	if got := percent(); got != gcPercentBusy {
		t.Errorf("with 32 MiB held, the heap may grow by %d %%", got)
	}
	pace.slowDown()
	if got := percent(); got != gcPercentBusy {
		t.Errorf("with 32 MiB still held, the heap may grow by %d %%", got)
	}
	account.Close()
	pace.slowDown()
	if got := percent(); got != gcPercent {
		t.Errorf("with nothing held, the heap may grow by %d %%", got)
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
