// SPDX-License-Identifier: Apache-2.0

package connections

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"ovhcloud-csi-provider/provider/credential"
)

// TestFilesOfAVolumeAreNeverMixed: clientId and clientSecret are of one state of a volume that
// kubelet changes again and again.
func TestFilesOfAVolumeAreNeverMixed(t *testing.T) {
	dir := t.TempDir()
	if err := changeVolume(dir, 1); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{credential.KeyClientID, credential.KeyClientSecret} {
		if err := os.Symlink(filepath.Join(kubernetesData, key), filepath.Join(dir, key)); err != nil {
			t.Fatal(err)
		}
	}
	var changing sync.WaitGroup
	stop := make(chan struct{})
	changing.Go(func() {
		for state := 2; ; state++ {
			select {
			case <-stop:
				return
			default:
			}
			if err := changeVolume(dir, state); err != nil {
				t.Errorf("changing the volume: %v", err)
				return
			}
		}
	})
	defer changing.Wait()
	defer close(stop)
	read := 0
	for range 5000 {
		m, err := readFolder(dir)
		if err != nil {
			continue // the folder changed during each attempt
		}
		wantOneState(t, m)
		read++
	}
	if read == 0 {
		t.Error("no read succeeded, so the test proves nothing")
	}
}
