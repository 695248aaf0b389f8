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

// How long the files must not change before they are read, and how long changes may delay
// that at most: programs write a certificate and its key one after the other.
const (
	settled    = 50 * time.Millisecond
	mostSettle = 300 * time.Millisecond
)

// Run puts changes of the file and the folders in use, until ctx ends. If the system cannot
// watch folders, they are read again once a minute.
func (c *Set) Run(ctx context.Context) {
	ticks, stop := c.options.Ticks()
	defer stop()
	var w watcher
	if fsn, err := fsnotify.NewWatcher(); err != nil {
		c.options.Notify(Reload{Source: c.options.File, Err: fmt.Errorf("folders cannot be watched, so changes are seen late: %w", err)})
	} else {
		defer fsn.Close()
		w = watcher{fsn: fsn, seen: map[string]fs.FileInfo{}}
	}
	relevant := true
	for {
		// What is read may name new folders, and what changed before the watch on them
		// was there is read after it.
		for more := relevant; more; {
			c.reload()
			more = w.watch(c.targets())
		}
		relevant = true
		select {
		case <-ctx.Done():
			return
		case <-ticks:
		case e := <-w.events():
			if relevant = w.take(e); relevant {
				w.settle(ctx)
			}
		case <-w.errors(): // the kernel dropped some: read everything
		}
	}
}

// targets returns the file and the folders that are read. Only the goroutine of Run changes
// them.
func (c *Set) targets() []string {
	all := []string{c.options.File}
	for _, s := range c.stated {
		all = append(all, s.dir)
	}
	return all
}

// watcher watches the folders of the targets, and their parents, so that it sees folders
// that are created, deleted or replaced. It watches no files: editors and kubelet replace
// them. The zero value watches nothing.
type watcher struct {
	fsn     *fsnotify.Watcher
	targets []string
	// seen is each folder under watch as it was then: a watch follows the folder,
	// not its path.
	seen map[string]fs.FileInfo
}

func (w *watcher) events() <-chan fsnotify.Event {
	if w.fsn == nil {
		return nil
	}
	return w.fsn.Events
}

func (w *watcher) errors() <-chan error {
	if w.fsn == nil {
		return nil
	}
	return w.fsn.Errors
}

// watch watches the folders of the targets and no others. It reports whether any was added.
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
			continue // gone meanwhile; its parent tells when it is back
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
		} // else the slow re-reading is left
	}
	return added
}

// existing returns the nearest existing folder at or above a path.
func existing(path string) string {
	for {
		if info, err := os.Stat(path); err == nil && info.IsDir() || path == filepath.Dir(path) {
			return path
		}
		path = filepath.Dir(path)
	}
}

// take reports whether a change can change a target: it is in the target's folder, or on
// the way to it. A folder that was created, deleted or renamed must be watched again, even
// if the new one has the inode of the old one.
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

// settle waits until the files stop changing.
func (w *watcher) settle(ctx context.Context) {
	most := time.NewTimer(mostSettle)
	defer most.Stop()
	for {
		quiet := time.NewTimer(settled)
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
