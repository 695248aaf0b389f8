package main

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"ovhcloud-csi-provider/test/harness"
)

// chartLimit is the memory that the chart gives the daemon, in bytes. Who passes it
// is killed, and with it the mounts of all pods of the node.
const chartLimit = 256 << 20

// TestNoPodCanTakeTheNodesMemory is what a pod's author can send: classes that take
// much memory to be read, and secrets that take much to be taken apart.
func TestNoPodCanTakeTheNodesMemory(t *testing.T) {
	store := harness.StartStore(t)
	p := startDaemon(t, store, harness.SocketPath(t), nil)
	if _, err := os.Stat(fmt.Sprintf("/proc/%d/status", p.Process.Pid)); os.IsNotExist(err) {
		t.Skip("this system has no /proc")
	}
	store.Hold(t, map[string]string{"innocent": `{"a":"1"}`})
	for name, attack := range map[string]struct {
		objects string
		token   string
		mounts  int
	}{
		"many keys":     {manyKeys(t, store), harness.Token, 4},
		"many fields":   {"- {" + strings.Repeat("a,", 131_000) + "}", harness.Token, 10},
		"many entries":  {"[" + strings.Repeat("a,", 131_000) + "]", harness.Token, 40},
		"many refusals": {manySecrets(1000), "wrong", 40},
		"large tokens":  {manySecrets(500), strings.Repeat("x", 700_000), 4},
		"tokens":        {manySecrets(500), strings.Repeat("x", 16_000), 20},
	} {
		t.Run(name, func(t *testing.T) {
			var all sync.WaitGroup
			for range attack.mounts {
				all.Go(func() {
					_, _ = p.client.Mount(t.Context(), store.Request(harness.Mount{Objects: attack.objects, Token: attack.token}))
				})
			}
			all.Wait()
			if _, err := p.client.Mount(t.Context(), store.Request(harness.Mount{Objects: "- secretPath: innocent"})); err != nil {
				t.Errorf("a mount after it: %v", err)
			}
			if most := mostMemory(t, p.Process.Pid); most > chartLimit*8/10 {
				t.Errorf("it took %d MB of the %d that the chart gives", most>>20, chartLimit>>20)
			} else {
				t.Logf("the most so far is %d MB", most>>20)
			}
		})
	}
}

// manyKeys puts secrets with thousands of keys each into the store, as much as one
// mount may hold, and asks for a key of each.
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

func manySecrets(n int) string {
	var objects strings.Builder
	for i := range n {
		fmt.Fprintf(&objects, "- secretPath: many/%d\n", i)
	}
	return objects.String()
}

// mostMemory is the most that a process has had, in bytes.
func mostMemory(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if m == nil {
		t.Fatalf("no VmHWM in %s", status)
	}
	kb, err := strconv.Atoi(string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kb << 10
}
