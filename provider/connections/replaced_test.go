// SPDX-License-Identifier: Apache-2.0

package connections

import (
	"path/filepath"
	"testing"
)

// TestFilesOfAReplacedFolderAreNeverMixed: clientId and clientSecret are of one state of the folder,
// even if the folder itself, and not its ..data, is replaced again and again.
func TestFilesOfAReplacedFolderAreNeverMixed(t *testing.T) {
	const states = 200
	root := t.TempDir()
	dir := filepath.Join(root, "credential")
	if err := replaceFolder(root, 0); err != nil {
		t.Fatal(err)
	}
	replaced := make(chan error, 1)
	go func() {
		for state := 1; state < states; state++ {
			if err := replaceFolder(root, state); err != nil {
				replaced <- err
				return
			}
		}
		replaced <- nil
	}()
	for read := 0; ; {
		m, err := readFolder(dir)
		if err == nil {
			read++
			wantOneState(t, m)
		}
		select {
		case err := <-replaced:
			if err != nil || read == 0 {
				t.Errorf("read %d times, replacing ended with error %v", read, err)
			}
			return
		default:
		}
	}
}
