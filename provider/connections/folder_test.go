package connections

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"ovhcloud-csi-provider/provider/credential"
)

// A folder is changed all the time as kubelet does it; each read is of one state.
func TestFilesOfTwoStatesAreNeverMixed(t *testing.T) {
	dir := t.TempDir()
	swap := func(state int) error {
		name := fmt.Sprintf("..%d", state)
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			return err
		}
		for _, key := range []string{credential.KeyClientID, credential.KeyClientSecret} {
			if err := os.WriteFile(filepath.Join(dir, name, key), fmt.Append(nil, state), 0o600); err != nil {
				return err
			}
		}
		if err := os.Symlink(name, filepath.Join(dir, "..data_tmp")); err != nil {
			return err
		}
		if err := os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, kubernetesData)); err != nil {
			return err
		}
		return os.RemoveAll(filepath.Join(dir, fmt.Sprintf("..%d", state-1)))
	}
	if err := swap(1); err != nil {
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
			if err := swap(state); err != nil {
				t.Error(err)
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
			continue // read again at the next change
		}
		if id, secret := string(m[credential.KeyClientID].Reveal()), string(m[credential.KeyClientSecret].Reveal()); id == "" || id != secret {
			t.Fatalf("clientId of state %q with clientSecret of state %q", id, secret)
		}
		read++
	}
	if read == 0 {
		t.Error("nothing was read, so the test proves nothing")
	}
}
