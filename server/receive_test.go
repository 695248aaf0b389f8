// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	pb "sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1"

	"ovhcloud-csi-provider/provider/budget"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

// A call whose message is not read yet takes memory, so their number is bounded. A further
// call gets an answer after which kubelet retries.
func TestUnreadRequestsAreBounded(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, harness.Options{MemoryLimit: 64 << 20, MountTimeout: 20 * time.Second})
	d.Store.Hold(t, map[string]string{"s": `{"a":"1"}`})
	conn, err := grpc.NewClient("unix:"+d.Socket, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithAuthority("localhost"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	most := d.Budget.Unread()
	for range most {
		if _, err := conn.NewStream(ctx, &grpc.StreamDesc{}, pb.CSIDriverProvider_Mount_FullMethodName); err != nil {
			t.Fatal(err)
		}
	}
	awaitUsed(t, d, func(used int64) bool { return used >= int64(most)*budget.UnreadRequest }) // they are on their way
	_, err = d.Do(t.Context(), harness.Mount{Objects: "- secretPath: s"})
	harness.WantError(t, err, codes.Internal, "this node has too many mounts at once; kubelet tries again")
	d.WantKind(t, failure.NodeFull)
	cancel()
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	awaitUsed(t, d, func(used int64) bool { return used == 0 })
	d.MustMount(t, harness.Mount{Objects: "- secretPath: s"}, "s", `{"a":"1"}`)
}

// A pod's author may add any parameter. Those of others are dropped before the mount.
func TestForeignParametersAreNotKept(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, harness.Options{MountTimeout: 20 * time.Second})
	pad := strings.Repeat("x", 900_000)
	release := d.Store.Break(t, emulator.Fault{Hang: true})
	var all sync.WaitGroup
	const mounts = 4
	for range mounts {
		all.Go(func() {
			_, _ = d.Do(t.Context(), harness.Mount{Objects: "- secretPath: s",
				Attributes: map[string]string{"csi.storage.k8s.io/pad": pad}})
		})
	}
	d.Store.AwaitRequests(t, 1) // one read, which all join
	awaitUsed(t, d, func(used int64) bool { return used < mounts*200<<10 })
	release()
	all.Wait()
	awaitUsed(t, d, func(used int64) bool { return used < 64<<10 }) // the client stays
}

func TestWhatAMountKeepsOfItsRequestIsCounted(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, harness.Options{MountTimeout: 20 * time.Second})
	release := d.Store.Break(t, emulator.Fault{Hang: true})
	const length = 200_000
	var all sync.WaitGroup
	all.Go(func() {
		_, _ = d.Do(t.Context(), harness.Mount{Objects: "- secretPath: s\n#" + strings.Repeat("x", length)})
	})
	d.Store.AwaitRequests(t, 1)
	if used := d.Budget.UsedBy(budget.Arrived); used < length || used > 2*length {
		t.Errorf("a mount whose class has %d bytes holds %d", length, used)
	}
	release()
	all.Wait()
}

// The namespace is found also behind much other text.
func TestAMountCountsForItsOwnNamespace(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, harness.Options{MountTimeout: 20 * time.Second})
	release := d.Store.Break(t, emulator.Fault{Hang: true})
	var all sync.WaitGroup
	all.Go(func() {
		_, _ = d.Do(t.Context(), harness.Mount{Objects: "- secretPath: s", Attributes: map[string]string{
			"csi.storage.k8s.io/a": strings.Repeat("x", 100_000)}})
	})
	d.Store.AwaitRequests(t, 1)
	of, unnamed := d.Budget.Open("store").OfNamespace(budget.Arrived), d.Budget.Open("").OfNamespace(budget.Arrived)
	if of == 0 || unnamed != 0 {
		t.Errorf("the namespace has %d bytes, the empty one %d", of, unnamed)
	}
	release()
	all.Wait()
	for stage, name := range budget.Stages() {
		if used := d.Budget.UsedBy(stage); stage != budget.Clients && used != 0 { // the client stays
			t.Errorf("after the mount, %s hold %d bytes", name, used)
		}
	}
}

// awaitUsed waits until ok accepts the memory that mounts use, in bytes.
func awaitUsed(t *testing.T, d *harness.Daemon, ok func(used int64) bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(d.Budget.Used()); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("mounts hold %d bytes", d.Budget.Used())
		}
	}
}
