// SPDX-License-Identifier: Apache-2.0

package load

import (
	"strings"
	"sync"
	"testing"

	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

// The small mount needs one of thirty secrets that another mount reads one at a time.
func TestASmallMountDoesNotQueueBehindALargeOne(t *testing.T) {
	t.Parallel()
	const many = 30
	d := harness.Start(t, harness.Options{MaxReads: 1})
	d.Store.HoldMany(t, "shop", many)
	repair := d.Store.Break(t, emulator.Fault{Hang: true, Times: 1})
	var all sync.WaitGroup
	all.Go(func() { d.MustMount(t, harness.Mount{Objects: harness.Objects("shop", many)}, "s0", `{"v":"shop 0"}`) })
	await := func(line string) {
		harness.Await(t, line, func() bool { return strings.Contains(harness.Page(t, d.Admin+"/metrics"), line) })
	}
	await(`{served="miss"} 30`)
	var before int
	all.Go(func() {
		d.MustMount(t, harness.Mount{Objects: "- secretPath: shop/s20"}, "s20", `{"v":"shop 20"}`)
	})
	await(`{served="joined"} 1`)
	repair()
	all.Wait()
	for _, r := range d.Store.Requests() {
		if strings.HasSuffix(r.URI, "/shop/s20") {
			break
		}
		before++
	}
	if before > many/10 {
		t.Errorf("%d reads of the large mount came first", before)
	}
}
