package harness

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/connections"
)

// Identities are the configuration of a provider's connections and the folders of
// their credentials, written as kubelet writes the volumes of ConfigMaps and
// Secrets: all files of a folder change at once, by a link that is swapped.
type Identities struct {
	// Root holds the folder config and one folder for each credential.
	Root string
	// Connections are those, watched until the test ends.
	Connections *connections.Set

	mu      sync.Mutex
	reloads []connections.Reload
	changed chan struct{}
	states  int
}

// NewIdentities makes them of a configuration, in which ROOT stands for the
// folder above those of the credentials, and of credentials by folder.
func NewIdentities(t testing.TB, config string, credentials map[string]map[string]string) *Identities {
	t.Helper()
	i := &Identities{Root: t.TempDir(), changed: make(chan struct{})}
	for name, files := range credentials {
		i.Credential(t, name, files)
	}
	i.Config(t, config)
	i.Connections = connections.Open(connections.Options{File: i.File(), CacheTTL: 30 * time.Second, Notify: i.note})
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { i.Connections.Run(ctx) })
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
	return i
}

// File is the configuration's.
func (i *Identities) File() string { return filepath.Join(i.Root, "config", "config.yaml") }

// Config changes the configuration. A last line without an end gets one.
func (i *Identities) Config(t testing.TB, text string) {
	t.Helper()
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	i.write(t, "config", map[string]string{"config.yaml": strings.ReplaceAll(text, "ROOT", i.Root)})
}

// Credential changes the files of a credential's folder.
func (i *Identities) Credential(t testing.TB, name string, files map[string]string) {
	t.Helper()
	i.write(t, name, files)
}

func (i *Identities) write(t testing.TB, name string, files map[string]string) {
	t.Helper()
	i.mu.Lock()
	i.states++
	state := fmt.Sprintf("..state_%d", i.states)
	i.mu.Unlock()
	if err := swap(filepath.Join(i.Root, name), state, files); err != nil {
		t.Fatal(err)
	}
}

// swap does what kubelet's atomic writer does, in its order.
func swap(dir, state string, files map[string]string) error {
	if err := os.MkdirAll(filepath.Join(dir, state), 0o700); err != nil {
		return err
	}
	for file, content := range files {
		if err := os.WriteFile(filepath.Join(dir, state, file), []byte(content), 0o600); err != nil {
			return err
		}
	}
	before, _ := os.Readlink(filepath.Join(dir, "..data"))
	if err := os.Symlink(state, filepath.Join(dir, "..data_tmp")); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")); err != nil {
		return err
	}
	for file := range files {
		if err := os.Symlink(filepath.Join("..data", file), filepath.Join(dir, file)); err != nil && !os.IsExist(err) {
			return err
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if _, still := files[e.Name()]; !still && !strings.HasPrefix(e.Name(), "..") {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	if before == "" {
		return nil
	}
	return os.RemoveAll(filepath.Join(dir, before))
}

func (i *Identities) note(r connections.Reload) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.reloads = append(i.reloads, r)
	close(i.changed)
	i.changed = make(chan struct{})
}

// Reloads is how many changes were told so far.
func (i *Identities) Reloads() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.reloads)
}

// Await gives the first change after the first n that satisfies ok.
func (i *Identities) Await(t testing.TB, n int, ok func(connections.Reload) bool) connections.Reload {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	for {
		i.mu.Lock()
		changed, rest := i.changed, i.reloads[n:]
		n = len(i.reloads)
		i.mu.Unlock()
		for _, r := range rest {
			if ok(r) {
				return r
			}
		}
		select {
		case <-changed:
		case <-deadline.C:
			t.Fatalf("the change was never told")
		}
	}
}
