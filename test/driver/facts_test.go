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

// What our provider relies on in the driver, v1.6.1. Each of these tests fails when a later driver behaves otherwise;
// then the provider's rules want a new look.

// pollInterval is longer than any test.
const pollInterval = time.Hour

// older makes the volume look as if it had last been written two intervals ago.
func older(t *testing.T, pod *Pod) {
	t.Helper()
	then := time.Now().Add(-2 * pollInterval)
	if err := os.Chtimes(pod.Target(), then, then); err != nil {
		t.Fatal(err)
	}
}

func TestDriverSkipsAVolumeYoungerThanTheInterval(t *testing.T) {
	provider, pod := probed(t)
	provider.says(file("a", "one", "1"), nil)
	publish(t, pod)
	provider.says(file("a", "two", "2"), nil)
	publish(t, pod)
	if n := provider.count(); n != 1 {
		t.Errorf("the provider was asked %d times, want once, for the first publish", n)
	}
	if got := files(t, pod)["a"].Content; got != "one" {
		t.Errorf("the file is %q, want the first answer", got)
	}
}

func TestDriverAsksAtEachPublishOnceTheVolumeIsOlderThanTheInterval(t *testing.T) {
	provider, pod := probed(t)
	provider.says(file("a", "one", "1"), nil)
	publish(t, pod)
	older(t, pod)
	provider.count()
	for range 3 {
		publish(t, pod) // content does not change, so the folder's time does not either
	}
	if n := provider.count(); n != 3 {
		t.Errorf("for 3 publishes of an old, unchanged volume the provider was asked %d times, want 3", n)
	}
	provider.says(file("a", "two", "2"), nil)
	publish(t, pod)
	provider.count()
	publish(t, pod)
	if n := provider.count(); n != 0 {
		t.Errorf("just after a change the provider was asked %d times, want 0: the change makes the volume young", n)
	}
}

// This is why our daemon never answers one of these codes: the pod starts with an empty volume.
func TestDriverLeavesAVolumeEmptyAfterACodeThatIsNotFinal(t *testing.T) {
	needMounts(t)
	for _, code := range []codes.Code{
		codes.Canceled, codes.DeadlineExceeded, codes.Unavailable, codes.ResourceExhausted, codes.Aborted,
	} {
		t.Run(code.String(), func(t *testing.T) {
			provider, pod := probed(t)
			provider.says(nil, status.Error(code, "planted"))
			if err := pod.Publish(); status.Code(err) != code {
				t.Fatalf("the first publish gave %v, want code %v", err, code)
			}
			provider.says(file("a", "one", "1"), nil)
			provider.count()
			publish(t, pod)
			if n, got := provider.count(), files(t, pod); n != 0 || len(got) != 0 {
				t.Errorf("the second publish asked %d times and gave %d files, want the trap: 0 and 0", n, len(got))
			}
		})
	}
}

func TestDriverAsksAgainAfterAFinalCode(t *testing.T) {
	needMounts(t)
	for _, code := range []codes.Code{
		codes.InvalidArgument, codes.Unauthenticated, codes.PermissionDenied, codes.NotFound, codes.FailedPrecondition, codes.Internal,
	} {
		t.Run(code.String(), func(t *testing.T) {
			provider, pod := probed(t)
			provider.says(nil, status.Error(code, "planted"))
			if err := pod.Publish(); status.Code(err) != code || !strings.Contains(err.Error(), "planted") {
				t.Fatalf("the first publish gave %v, want code %v with the provider's text", err, code)
			}
			provider.says(file("a", "one", "1"), nil)
			publish(t, pod)
			if got := files(t, pod)["a"].Content; got != "one" {
				t.Errorf("the file is %q, want the provider's", got)
			}
		})
	}
}

func TestDriverMasksAFailureOfAMountedVolume(t *testing.T) {
	provider, pod := probed(t)
	provider.says(file("a", "one", "1"), nil)
	publish(t, pod)
	older(t, pod)
	provider.says(nil, status.Error(codes.PermissionDenied, "planted"))
	publish(t, pod)
	if got := files(t, pod)["a"].Content; got != "one" {
		t.Errorf("the file is %q, want the old one", got)
	}
}

func TestDriverRemovesNothingForAnAnswerWithoutFiles(t *testing.T) {
	provider, pod := probed(t)
	provider.says(file("a", "one", "1"), nil)
	publish(t, pod)
	older(t, pod)
	provider.says(&v1alpha1.MountResponse{ObjectVersion: []*v1alpha1.ObjectVersion{{Id: "none", Version: "0"}}}, nil)
	publish(t, pod)
	if got := files(t, pod)["a"].Content; got != "one" {
		t.Errorf("the file is %q, want the old one: no files means to the driver that the provider wrote them", got)
	}
}

func TestDriverWantsAnObjectVersion(t *testing.T) {
	provider, pod := probed(t)
	answer := file("a", "one", "1")
	answer.ObjectVersion = nil
	provider.says(answer, nil)
	if err := pod.Publish(); err == nil || !strings.Contains(err.Error(), "missing object versions") {
		t.Errorf("an answer without versions gave %v, want missing object versions", err)
	}
}

func TestDriverDoesNotApplyAModeAlone(t *testing.T) {
	provider, pod := probed(t)
	provider.says(file("a", "one", "1"), nil)
	publish(t, pod)
	older(t, pod)
	answer := file("a", "one", "2")
	answer.Files[0].Mode = 0o400
	provider.says(answer, nil)
	publish(t, pod)
	if got := files(t, pod)["a"].Mode; got != 0o644 {
		t.Errorf("the mode is %o, want the old 644 until the content changes", got)
	}
}

// probed is a probe, as provider of a node with rotation on, and a pod for it.
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
