// SPDX-License-Identifier: Apache-2.0

package bounds

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"ovhcloud-csi-provider/provider/budget"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

// holdLarge writes n secrets of about 60 KB to a folder, and returns the YAML of objects
// that take a few bytes of each.
func holdLarge(t *testing.T, s *harness.Store, folder string, n int) string {
	t.Helper()
	var text strings.Builder
	for i := range n {
		path := fmt.Sprintf("%s/s%d", folder, i)
		s.Hold(t, map[string]string{path: `{"k":"1","v":"` + strings.Repeat("x", 60_000) + `"}`})
		fmt.Fprintf(&text, "- {secretPath: %s, secretKey: k, objectName: f%d}\n", path, i)
	}
	return text.String()
}

func TestTheSecretsOfAMountAreBounded(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, harness.Options{MaxReads: 8})
	d.Store.HoldMany(t, "shop", 1)
	_, err := d.Do(t.Context(), harness.Mount{Objects: holdLarge(t, d.Store, "large", 400)})
	harness.WantError(t, err, codes.InvalidArgument,
		"objects: the secrets of this mount take more than 16777216 bytes together; use several classes")
	if strings.Contains(err.Error(), "errors:") {
		t.Errorf("the message has further errors: %v", err)
	}
	if reads := len(d.Store.Requests()); reads > 300 {
		t.Errorf("%d secrets were read, where 280 are too much", reads)
	}
	d.MustMount(t, harness.Mount{Objects: "- secretPath: shop/s0"}, "s0", `{"v":"shop 0"}`)
}

// A namespace has room for one mount of 13.8 MB at a time. Further ones wait, and small
// mounts do not wait for the same memory.
func TestLargeMountsWaitAndSmallOnesDoNot(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, harness.Options{CacheTTL: time.Hour})
	d.Store.HoldMany(t, "shop", 1)
	d.Store.HoldMany(t, "slow", 1)
	large := harness.Mount{Objects: holdLarge(t, d.Store, "large", 230) + "- secretPath: slow/s0\n"}
	repair := d.Store.Break(t, emulator.Fault{Hang: true, Path: "data/slow"})
	ends := make(chan error, 3)
	mount := func() {
		_, err := d.Do(t.Context(), large)
		ends <- err
	}
	go mount()
	harness.Await(t, "all secrets but the slow one", func() bool { return d.Budget.UsedBy(budget.Holding) >= 13<<20 })
	d.MustMount(t, harness.Mount{Objects: "- secretPath: shop/s0"}, "s0", `{"v":"shop 0"}`)
	short, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	_, err := d.Do(short, large)
	harness.WantError(t, err, codes.Internal,
		"objects: the mounts of this node read too many large secrets at once; kubelet tries again")
	d.WantKind(t, failure.NodeFull)
	go mount()
	go mount()
	repair()
	for range 3 { // each in its turn
		if err := <-ends; err != nil {
			t.Errorf("a mount that waits for others: %v", err)
		}
	}
}

func TestLongAnswersOfAStoreAreBounded(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, harness.Options{MaxReads: 256, MountTimeout: 20 * time.Second})
	d.Store.HoldMany(t, "shop", 1)
	d.Store.Break(t, emulator.Fault{Path: "data/long", Status: 200,
		Body: `{"data":{"data":{"v":"` + strings.Repeat("x", 1<<20-200) + `"},"metadata":{"version":1}}}`})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			_, err := d.Do(t.Context(), harness.Mount{Objects: harness.Objects("long", 64)})
			if err == nil || harness.Forbidden(err) {
				t.Errorf("64 answers of 1 MiB: %v", err)
			}
		})
	}
	all.Wait()
	d.MustMount(t, harness.Mount{Objects: "- secretPath: shop/s0"}, "s0", `{"v":"shop 0"}`)
}

func TestATooLargeAnswerHasAFinalCode(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, harness.Options{})
	var objects strings.Builder
	for i := range 70 {
		d.Store.Hold(t, map[string]string{fmt.Sprintf("s%d", i): `{"a":"` + strings.Repeat("x", 60000) + `"}`})
		fmt.Fprintf(&objects, "- secretPath: s%d\n", i)
	}
	_, err := d.Do(t.Context(), harness.Mount{Objects: objects.String()})
	harness.WantError(t, err, codes.InvalidArgument, "more than the 3670016 bytes that the driver accepts")
}
