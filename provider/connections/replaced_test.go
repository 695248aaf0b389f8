package connections

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"ovhcloud-csi-provider/provider/credential"
)

// TestAFolderThatIsReplacedWhileItIsRead checks that clientId and clientSecret are of one
// state of the folder where the folder itself, not its ..data, is replaced all the time.
// No folder is deleted, so that none gets the inode of another.
func TestAFolderThatIsReplacedWhileItIsRead(t *testing.T) {
	const states = 500
	root := t.TempDir()
	dir := filepath.Join(root, "credential")
	replace := func(state int) error {
		made := filepath.Join(root, fmt.Sprint(state))
		if err := os.Mkdir(made, 0o700); err != nil {
			return err
		}
		for _, key := range []string{credential.KeyClientID, credential.KeyClientSecret} {
			if err := os.WriteFile(filepath.Join(made, key), fmt.Append(nil, state), 0o600); err != nil {
				return err
			}
		}
		link := filepath.Join(root, "next")
		if err := os.Symlink(made, link); err != nil {
			return err
		}
		return os.Rename(link, dir)
	}
	if err := replace(0); err != nil {
		t.Fatal(err)
	}
	replaced := make(chan error, 1)
	go func() {
		for state := 1; state < states; state++ {
			if err := replace(state); err != nil {
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
			if id, secret := string(m[credential.KeyClientID].Reveal()), string(m[credential.KeyClientSecret].Reveal()); id == "" || id != secret {
				t.Fatalf("clientId is of state %q, clientSecret of state %q", id, secret)
			}
		}
		select {
		case err := <-replaced:
			if err != nil || read == 0 {
				t.Errorf("read %d times; replacing ended with %v", read, err)
			}
			return
		default:
		}
	}
}
