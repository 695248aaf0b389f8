// SPDX-License-Identifier: Apache-2.0

package load

import (
	"sync"
	"testing"
	"time"

	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

func TestANodeFullOfPodsReadsEachSecretOnce(t *testing.T) {
	t.Parallel()
	const pods = 110
	now := &harness.Clock{}
	d := harness.Start(t, harness.Options{CacheTTL: 30 * time.Second, Now: now.Now})
	d.Store.HoldMany(t, "shop", 10)
	d.Store.Break(t, emulator.Fault{Delay: 20 * time.Millisecond})
	storm := func() {
		var all sync.WaitGroup
		for range pods {
			all.Go(func() { d.MustMount(t, harness.Mount{Objects: harness.Objects("shop", 10)}, "s9", `{"v":"shop 9"}`) })
		}
		all.Wait()
	}
	for _, step := range []struct {
		name  string
		after time.Duration
		reads int
	}{{"nothing cached", 0, 10}, {"again within the ttl", 29 * time.Second, 10}, {"after the ttl", time.Second, 20}} {
		now.Advance(step.after)
		storm()
		if got := len(d.Store.Requests()); got != step.reads {
			t.Errorf("%s: %d reads so far, want %d", step.name, got, step.reads)
		}
	}
	d.WantLines(t, `ovhcloud_csi_secret_reads_total{served="miss"} 20`,
		`ovhcloud_csi_secret_reads_total{served="stale"} 0`)
}

func TestTheReadsOfAMountAreConcurrent(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, harness.Options{})
	d.Store.HoldMany(t, "shop", 20)
	repair := d.Store.Break(t, emulator.Fault{Hang: true})
	var mount sync.WaitGroup
	mount.Go(func() { d.MustMount(t, harness.Mount{Objects: harness.Objects("shop", 20)}, "s19", `{"v":"shop 19"}`) })
	d.Store.AwaitRequests(t, 20)
	repair()
	mount.Wait()
}
