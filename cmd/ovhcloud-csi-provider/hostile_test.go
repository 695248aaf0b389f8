// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

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
