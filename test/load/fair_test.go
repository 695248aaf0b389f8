// SPDX-License-Identifier: Apache-2.0

package load

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"ovhcloud-csi-provider/provider/budget"
	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

// One namespace has as many reads as there are places, of one domain or of many, and OKMS
// answers none of them.
func TestHangingReadsOfANamespaceLeavePlacesToOthers(t *testing.T) {
	t.Parallel()
	const domain = "00000000-0000-4000-8000-%012d"
	for name, c := range map[string]struct {
		options harness.Options
		okmsID  func(d *harness.Daemon, i int) string
		mounts  int
		most    int // reads of the one namespace
	}{
		"of one domain": {harness.Options{MaxReads: 8}, func(d *harness.Daemon, _ int) string { return d.Store.OKMSID() },
			20, 7},
		"of many domains": {harness.Options{}, func(_ *harness.Daemon, i int) string { return fmt.Sprintf(domain, i) },
			20, budget.For(0).Reads * 15 / 16},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := harness.Start(t, c.options)
			d.Store.HoldMany(t, "shop", 1)
			d.Store.Break(t, emulator.Fault{Path: "/hang", Hang: true})
			ctx, cancel := context.WithCancel(t.Context())
			var all sync.WaitGroup
			for i := range c.mounts {
				all.Go(func() {
					_, _ = d.Do(ctx, harness.Mount{Objects: harness.Objects(fmt.Sprint("hang/", i), 10), Attributes: map[string]string{
						"csi.storage.k8s.io/pod.namespace": "greedy", "okmsId": c.okmsID(d, i)}})
				})
			}
			d.Store.AwaitRequests(t, c.most)
			d.MustMount(t, harness.Mount{Objects: "- secretPath: shop/s0"}, "s0", `{"v":"shop 0"}`)
			if got := len(d.Store.Requests()); got != c.most+1 {
				t.Errorf("OKMS was asked %d times, want %d", got, c.most+1)
			}
			cancel()
			all.Wait()
		})
	}
}
