// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"
)

func TestPercentilesAreByNearestRank(t *testing.T) {
	sorted := make([]time.Duration, 50)
	for i := range sorted {
		sorted[i] = time.Duration(i+1) * time.Millisecond
	}
	for part, want := range map[float64]time.Duration{0: 1, 0.5: 25, 0.98: 49, 0.99: 50, 1: 50} {
		if got := at(sorted, part); got != want*time.Millisecond {
			t.Errorf("at(%v) = %v, want %d ms", part, got, want)
		}
	}
}

// The line is driver 1.6.1's.
func TestTheDriversLineOfAPublishedVolume(t *testing.T) {
	const line = `I1128 01:18:01.879850       1 nodeserver.go:272] "node publish volume complete" ` +
		`targetPath="/var/lib/kubelet/pods/b6-4a7f/volumes/kubernetes.io~csi/secrets/mount" pod="ns/web-0" time="17.459489ms"`
	m := published.FindStringSubmatch(line)
	if m == nil || m[1] != "b6-4a7f" || m[2] != "17.459489ms" {
		t.Errorf("matched %q", m)
	}
}
