// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1"
)

// The provider relies on this behaviour of the driver, v1.6.1. If a test fails with a later driver, review the
// provider's rules.

// pollInterval is longer than any test.
const pollInterval = time.Hour

// older sets the volume's modification time to two intervals ago.
func older(t *testing.T, pod *Pod) {
	t.Helper()
	then := time.Now().Add(-2 * pollInterval)
	if err := os.Chtimes(pod.Target(), then, then); err != nil {
		t.Fatal(err)
	}
}

func TestDriverSkipsAVolumeYoungerThanTheInterval(t *testing.T) {
	provider, pod := probed(t)
	provider.respond(file("a", "one", "1"), nil)
	publish(t, pod)
	provider.respond(file("a", "two", "2"), nil)
	publish(t, pod)
	if n := provider.count(); n != 1 {
		t.Errorf("the provider was called %d times, want once, for the first publish", n)
	}
	if got := files(t, pod)["a"].Content; got != "one" {
		t.Errorf("the file is %q, want the first answer", got)
	}
}

func TestDriverCallsProviderAtEachPublishOfAnOlderVolume(t *testing.T) {
	provider, pod := probed(t)
	provider.respond(file("a", "one", "1"), nil)
	publish(t, pod)
	older(t, pod)
	provider.count()
	for range 3 {
		publish(t, pod) // neither content nor modification time changes
	}
	if n := provider.count(); n != 3 {
		t.Errorf("for 3 publishes of an old, unchanged volume the provider was called %d times, want 3", n)
	}
	provider.respond(file("a", "two", "2"), nil)
	publish(t, pod)
	provider.count()
	publish(t, pod)
	if n := provider.count(); n != 0 {
		t.Errorf("just after a change the provider was called %d times, want 0: the change updates the modification time", n)
	}
}

// The daemon never returns one of these codes, since the pod would start with an empty volume.
func TestDriverLeavesAnEmptyVolumeAfterANonFinalCode(t *testing.T) {
	needMounts(t)
	for _, code := range []codes.Code{
		codes.Canceled, codes.DeadlineExceeded, codes.Unavailable, codes.ResourceExhausted, codes.Aborted,
	} {
		t.Run(code.String(), func(t *testing.T) {
			provider, pod := probed(t)
			provider.respond(nil, status.Error(code, "planted"))
			if err := pod.Publish(); status.Code(err) != code {
				t.Fatalf("the first publish gave %v, want code %v", err, code)
			}
			provider.respond(file("a", "one", "1"), nil)
			provider.count()
			publish(t, pod)
			if n, got := provider.count(), files(t, pod); n != 0 || len(got) != 0 {
				t.Errorf("the second publish called the provider %d times and wrote %d files, want 0 and 0: "+
					"this driver no longer leaves an empty volume", n, len(got))
			}
		})
	}
}

func TestDriverCallsProviderAgainAfterAFinalCode(t *testing.T) {
	needMounts(t)
	for _, code := range []codes.Code{
		codes.InvalidArgument, codes.Unauthenticated, codes.PermissionDenied, codes.NotFound, codes.FailedPrecondition,
		codes.Internal,
	} {
		t.Run(code.String(), func(t *testing.T) {
			provider, pod := probed(t)
			provider.respond(nil, status.Error(code, "planted"))
			if err := pod.Publish(); status.Code(err) != code || !strings.Contains(err.Error(), "planted") {
				t.Fatalf("the first publish gave %v, want code %v with the provider's text", err, code)
			}
			provider.respond(file("a", "one", "1"), nil)
			publish(t, pod)
			if got := files(t, pod)["a"].Content; got != "one" {
				t.Errorf("the file is %q, want the provider's", got)
			}
		})
	}
}

func TestDriverHidesAFailedRepublish(t *testing.T) {
	provider, pod := probed(t)
	provider.respond(file("a", "one", "1"), nil)
	publish(t, pod)
	older(t, pod)
	provider.respond(nil, status.Error(codes.PermissionDenied, "planted"))
	publish(t, pod)
	if got := files(t, pod)["a"].Content; got != "one" {
		t.Errorf("the file is %q, want the old one", got)
	}
}

func TestDriverKeepsFilesAfterAResponseWithoutFiles(t *testing.T) {
	provider, pod := probed(t)
	provider.respond(file("a", "one", "1"), nil)
	publish(t, pod)
	older(t, pod)
	provider.respond(&v1alpha1.MountResponse{ObjectVersion: []*v1alpha1.ObjectVersion{{Id: "none", Version: "0"}}}, nil)
	publish(t, pod)
	if got := files(t, pod)["a"].Content; got != "one" {
		t.Errorf("the file is %q, want the old one: the driver assumes that the provider wrote the files itself", got)
	}
}

func TestDriverRequiresAnObjectVersion(t *testing.T) {
	provider, pod := probed(t)
	answer := file("a", "one", "1")
	answer.ObjectVersion = nil
	provider.respond(answer, nil)
	if err := pod.Publish(); err == nil || !strings.Contains(err.Error(), "missing object versions") {
		t.Errorf("a response without versions gave %v, want missing object versions", err)
	}
}

func TestDriverIgnoresAChangeOfModeOnly(t *testing.T) {
	provider, pod := probed(t)
	provider.respond(file("a", "one", "1"), nil)
	publish(t, pod)
	older(t, pod)
	answer := file("a", "one", "2")
	answer.Files[0].Mode = 0o400
	provider.respond(answer, nil)
	publish(t, pod)
	if got := files(t, pod)["a"].Mode; got != 0o644 {
		t.Errorf("the mode is %o, want the old 644 until the content changes", got)
	}
}

// probed returns a probe on a node with rotation, and a pod that uses it.
func probed(t *testing.T) (*probe, *Pod) {
	t.Helper()
	needMounts(t)
	node := startNode(t, Options{RotationPollInterval: pollInterval})
	provider := startProbe(t, node)
	pod, err := node.Schedule(PodSpec{Namespace: "shop", Name: "web", Class: "probe"})
	if err != nil {
		t.Fatal(err)
	}
	return provider, pod
}
