// SPDX-License-Identifier: Apache-2.0

package bounds

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"ovhcloud-csi-provider/test/harness"
)

// TestCancelledMountsDoNotStallOthers: reads that are cancelled while their answers arrive used up
// the HTTP/2 window of the connection, and no later read of the credential got an answer.
func TestCancelledMountsDoNotStallOthers(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, harness.Options{MountTimeout: 10 * time.Second})
	d.Store.Hold(t, map[string]string{"innocent": `{"v":"1"}`})
	secrets := map[string]string{}
	for i := range 90 {
		secrets[fmt.Sprint("large/", i)] = `{"v":"` + strings.Repeat("v", 60_000) + `"}`
	}
	d.Store.Hold(t, secrets)
	var objects strings.Builder
	for i := range 90 {
		fmt.Fprintf(&objects, "- {secretPath: large/%d, objectName: f%d}\n", i, i)
	}
	for i := range 40 {
		var all sync.WaitGroup
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*time.Millisecond)
		for range 4 {
			all.Go(func() { _, _ = d.Do(ctx, harness.Mount{Objects: objects.String()}) })
		}
		all.Wait()
		cancel()
	}
	d.MustMount(t, harness.Mount{Objects: "- secretPath: innocent"}, "innocent", `{"v":"1"}`)
}
