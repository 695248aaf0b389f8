// SPDX-License-Identifier: Apache-2.0

package fallback

import (
	"testing"
	"time"

	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

// TestMain runs many of the tests at once: they wait more than they compute.
func TestMain(m *testing.M) { harness.Main(m) }

// startAgain serves a store at an address that was just closed. A connection of another
// test may use its port for a moment.
func startAgain(t *testing.T, store *emulator.Emulator, address string) *emulator.Server {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		again, err := store.Start(address)
		if err == nil {
			return again
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}
