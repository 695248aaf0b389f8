// SPDX-License-Identifier: Apache-2.0

package connections

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settling is the wait after a change before everything is read: programs write a certificate and
// its key one after the other.
type settling struct {
	quiet time.Duration // time without another change
	most  time.Duration // limit of the whole wait
}

var defaultSettling = settling{quiet: 50 * time.Millisecond, most: 300 * time.Millisecond}

// Run puts changes of the file and the folders in use, until ctx is done. If the system cannot
// watch folders, Run sees changes at the ticks only.
func (c *Set) Run(ctx context.Context) {
	ticks, stop := c.options.Ticks()
	defer stop()
	var w watcher
	if fsn, err := fsnotify.NewWatcher(); err != nil {
		c.options.Notify(Reload{Source: c.options.File,
			Err: fmt.Errorf("cannot watch folders, so changes take up to a minute to be read: %w", err)})
	} else {
		defer fsn.Close()
		w = watcher{fsn: fsn, seen: map[string]fs.FileInfo{}, settling: c.options.settling}
	}
	for relevant, ok := true, true; ok; relevant, ok = w.next(ctx, ticks) {
		// The new state may have new folders. They may change before they are watched, so they are
		// read again after that.
		for more := relevant; more; {
			c.reload()
			more = w.watch(c.targets())
		}
	}
}

// targets returns the paths of the file and of the credential folders, the file first. Only the
// goroutine of Run calls it, which is the only one that changes c.stated.
func (c *Set) targets() []string {
	all := []string{c.options.File}
	for _, s := range c.stated {
		all = append(all, s.Dir)
	}
	return all
}

// watcher watches the folders of the targets, and their parents, to see when a folder is created,
// deleted or replaced. It never watches files, since editors and kubelet replace them. The zero
// value watches nothing.
type watcher struct {
	fsn     *fsnotify.Watcher
	targets []string
	// seen is the identity of each watched folder, by path: a watch follows the folder, not the
	// path.
	seen     map[string]fs.FileInfo
	settling settling
}

// events returns the channel of changes; nil for the zero value.
func (w *watcher) events() <-chan fsnotify.Event {
	if w.fsn == nil {
		return nil
	}
	return w.fsn.Events
}

// errors returns the channel of errors; nil for the zero value.
func (w *watcher) errors() <-chan error {
	if w.fsn == nil {
		return nil
	}
	return w.fsn.Errors
}

// watch watches the folders of the targets and no others. It reports whether it added one.
func (w *watcher) watch(targets []string) (added bool) {
	if w.fsn == nil {
		return false
	}
	w.targets = targets
	wanted := map[string]bool{}
	for _, t := range targets {
		wanted[existing(t)] = true
		wanted[existing(filepath.Dir(t))] = true
		wanted[existing(filepath.Dir(filepath.Dir(t)))] = true
	}
	for dir := range w.seen {
		if !wanted[dir] {
			_ = w.fsn.Remove(dir)
			delete(w.seen, dir)
		}
	}
	for dir := range wanted {
		now, err := os.Stat(dir)
		if err != nil {
			continue // deleted meanwhile; the watch on its parent sees when it is created again
		}
		if before := w.seen[dir]; before != nil {
			if os.SameFile(before, now) {
				continue
			}
			_ = w.fsn.Remove(dir)
		}
		delete(w.seen, dir)
		if w.fsn.Add(dir) == nil {
			w.seen[dir] = now
			added = true
		} // else only the ticks see its changes
	}
	return added
}

// existing returns a path, or its nearest parent, that is an existing folder.
func existing(path string) string {
	for {
		if info, err := os.Stat(path); err == nil && info.IsDir() || path == filepath.Dir(path) {
			return path
		}
		path = filepath.Dir(path)
	}
}

// take reports whether an event may change a target: it is in the target's folder or in a parent
// of it. If a watched folder was created, deleted or renamed, take removes its watch, so that
// watch adds a new one even if the new folder has the inode of the old one.
func (w *watcher) take(e fsnotify.Event) bool {
	if w.seen[e.Name] != nil && e.Has(fsnotify.Create|fsnotify.Remove|fsnotify.Rename) {
		_ = w.fsn.Remove(e.Name)
		delete(w.seen, e.Name)
	}
	folder := filepath.Dir(e.Name)
	for i, t := range w.targets {
		inFolder := folder == t || i == 0 && folder == filepath.Dir(t) // the first is the file
		if inFolder || e.Name == t || strings.HasPrefix(t, e.Name+string(filepath.Separator)) {
			return true
		}
	}
	return false
}

// next waits for a tick or a change, and after a change until the files have settled. relevant is
// false if the change concerns no target; ok is false if ctx is done first.
func (w *watcher) next(ctx context.Context, ticks <-chan time.Time) (relevant, ok bool) {
	select {
	case <-ctx.Done():
		return false, false
	case <-ticks:
	case e := <-w.events():
		if !w.take(e) {
			return false, true
		}
		w.settle(ctx)
	case <-w.errors(): // the kernel dropped some: read everything
	}
	return true, true
}

// settle waits until there is no change for the quiet time, the limit is reached, or ctx is done.
func (w *watcher) settle(ctx context.Context) {
	most := time.NewTimer(w.settling.most)
	defer most.Stop()
	for {
		quiet := time.NewTimer(w.settling.quiet)
		select {
		case e := <-w.events():
			w.take(e)
			quiet.Stop()
		case <-quiet.C:
			return
		case <-most.C:
			quiet.Stop()
			return
		case <-ctx.Done():
			quiet.Stop()
			return
		}
	}
}
