package server_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"ovhcloud-csi-provider/provider/budget"
	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

// holdLarge puts n secrets of about 60 KB into a folder, and gives the YAML of
// objects that take a few bytes of each.
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

func TestAMountMayNotHoldAnyAmountOfSecrets(t *testing.T) {
	d := harness.Start(t, harness.Options{MaxReads: 8})
	hold(t, d.Store, "shop", 1)
	_, err := d.Do(t.Context(), harness.Mount{Objects: holdLarge(t, d.Store, "large", 400)})
	want(t, err, codes.InvalidArgument, "objects: the secrets of this mount take more than 16777216 bytes together; use several classes")
	if strings.Contains(err.Error(), "errors:") {
		t.Errorf("more is told than what matters: %v", err)
	}
	if reads := len(d.Store.Requests()); reads > 300 {
		t.Errorf("%d secrets were read, where 280 are too much", reads)
	}
	mustMount(t, d, harness.Mount{Objects: "- secretPath: shop/s0"}, "s0", `{"v":"shop 0"}`)
}

// TestMountsThatHoldMuchWait where others do not: those of 13.8 MB have room for one at a
// time in a namespace, and what they wait for is not what small ones need.
func TestMountsThatHoldMuchWait(t *testing.T) {
	d := harness.Start(t, harness.Options{CacheTTL: time.Hour})
	hold(t, d.Store, "shop", 1)
	hold(t, d.Store, "slow", 1)
	large := harness.Mount{Objects: holdLarge(t, d.Store, "large", 230) + "- secretPath: slow/s0\n"}
	mend := d.Store.Break(t, emulator.Fault{Hang: true, Path: "data/slow"})
	ends := make(chan error, 3)
	mount := func() {
		_, err := d.Do(t.Context(), large)
		ends <- err
	}
	go mount()
	harness.Await(t, "all secrets but the slow one", func() bool { return d.Budget.UsedBy(budget.Holding) >= 13<<20 })
	mustMount(t, d, harness.Mount{Objects: "- secretPath: shop/s0"}, "s0", `{"v":"shop 0"}`)
	short, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, err := d.Do(short, large)
	want(t, err, codes.Internal, "objects: the mounts of this node read too many large secrets at once; kubelet tries again")
	if page := harness.Page(t, d.Admin+"/metrics"); !strings.Contains(page, `ovhcloud_csi_mounts_total{result="node_full"} 1`) {
		t.Error("the metrics do not tell why")
	}
	go mount()
	go mount()
	mend()
	for range 3 { // each in its turn
		if err := <-ends; err != nil {
			t.Errorf("a mount that waits for others: %v", err)
		}
	}
}

func TestLongAnswersOfAStoreDoNotFillTheMemory(t *testing.T) {
	d := harness.Start(t, harness.Options{MaxReads: 256, MountTimeout: 20 * time.Second})
	hold(t, d.Store, "shop", 1)
	d.Store.Break(t, emulator.Fault{Path: "data/long", Status: 200, Body: `{"data":{"data":{"v":"` + strings.Repeat("x", 1<<20-200) + `"},"metadata":{"version":1}}}`})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			_, err := d.Do(t.Context(), harness.Mount{Objects: objects("long", 64)})
			if err == nil || forbidden(err) {
				t.Errorf("64 answers of 1 MiB: %v", err)
			}
		})
	}
	all.Wait()
	mustMount(t, d, harness.Mount{Objects: "- secretPath: shop/s0"}, "s0", `{"v":"shop 0"}`)
}
