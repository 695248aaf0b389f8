package connections

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestFilesOfAReplacedFolderAreNeverMixed: clientId and clientSecret are of one state of the folder,
// even if the folder itself, and not its ..data, is replaced again and again. No folder is deleted,
// so that none gets the inode of another.
func TestFilesOfAReplacedFolderAreNeverMixed(t *testing.T) {
	const states = 500
	root := t.TempDir()
	dir := filepath.Join(root, "credential")
	replace := func(state int) error {
		created := filepath.Join(root, fmt.Sprint(state))
		if err := os.Mkdir(created, 0o700); err != nil {
			return err
		}
		if err := writeState(created, state); err != nil {
			return err
		}
		link := filepath.Join(root, "next")
		if err := os.Symlink(created, link); err != nil {
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
