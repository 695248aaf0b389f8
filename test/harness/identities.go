// SPDX-License-Identifier: Apache-2.0

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

// Identities are the configuration of a provider's connections and the folders of their
// credentials. They are written as kubelet writes the volumes of ConfigMaps and Secrets:
// all files of a folder change at once, when a link is replaced.
type Identities struct {
	// Root is the folder with the folder config and one folder for each credential.
	Root string
	// Connections are watched until the test ends. In a Bubble they read changes at once.
	Connections *connections.Set

	mu      sync.Mutex
	reloads []connections.Reload
	changed chan struct{}
	states  int
}

// NewIdentities writes a configuration, in which ROOT is replaced by Root, and the files of
// the credentials by folder, and watches them.
func NewIdentities(t testing.TB, config string, credentials map[string]map[string]string) *Identities {
	t.Helper()
	i := &Identities{Root: t.TempDir(), changed: make(chan struct{})}
	for name, files := range credentials {
		i.Credential(t, name, files)
	}
	i.Config(t, config)
	i.Connections = connections.Open(connections.Options{File: i.File(), CacheTTL: 30 * time.Second,
		Notify: i.note})
	if _, in := t.(*Bubble); in {
		return i // write reads the files: to wait for the system's notices would stop the time
	}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { i.Connections.Run(ctx) })
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
	return i
}

// File returns the path of the configuration.
func (i *Identities) File() string { return filepath.Join(i.Root, "config", "config.yaml") }

// Config replaces the configuration. It adds the end of the last line if it is missing.
func (i *Identities) Config(t testing.TB, text string) {
	t.Helper()
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	i.write(t, "config", map[string]string{"config.yaml": strings.ReplaceAll(text, "ROOT", i.Root)})
}

// Credential replaces the files of a credential's folder.
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
	if _, in := t.(*Bubble); in && i.Connections != nil {
		i.Connections.Reload()
	}
}

// swap does the steps of kubelet's atomic writer in the same order.
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

// Reloads returns how many reloads there were so far.
func (i *Identities) Reloads() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.reloads)
}

// Await returns the first reload after the first n that ok accepts. It fails the test after
// 30 s.
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
			t.Fatalf("the reload did not come")
		}
	}
}
