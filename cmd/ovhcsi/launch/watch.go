// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// quiet is the time without another change after which the files are read: programs write
	// several files one after the other.
	quiet = 100 * time.Millisecond
	// longest bounds the whole wait for quiet.
	longest = time.Second
)

// watcher reports that files of sources changed.
type watcher struct {
	sources []Source
	poll    time.Duration
	known   string        // the stamp of the state that was reported last
	changed chan<- string // gets the new stamp
	fsn     *fsnotify.Watcher
}

// watch sends the stamp of each new state of the sources, and ends with the process. It is told by
// the system, and looks itself after each poll: not all file systems tell of changes, and a watch
// does not follow a directory that was replaced. known is the stamp of the state that is in use.
func watch(sources []Source, poll time.Duration, known string) <-chan string {
	changed := make(chan string)
	w := &watcher{sources: sources, poll: poll, known: known, changed: changed}
	w.fsn, _ = fsnotify.NewWatcher() // without one, polling is left
	go w.run()
	return changed
}

// run reports changes for ever.
func (w *watcher) run() {
	for {
		w.follow()
		if now := stamp(w.sources); now != w.known {
			w.settle()
			w.known = stamp(w.sources)
			w.changed <- w.known
		}
		w.wait(w.poll)
	}
}

// follow watches the directories of the sources that are there now.
func (w *watcher) follow() {
	if w.fsn == nil {
		return
	}
	for _, s := range w.sources {
		dir := s.Path
		if s.Kind == EnvFile {
			dir = filepath.Dir(s.Path)
		}
		_ = w.fsn.Remove(dir) // it may be another directory now
		_ = w.fsn.Add(dir)
	}
}

// wait waits for a change, at most for a time, and reports whether there was one.
func (w *watcher) wait(most time.Duration) bool {
	timer := time.NewTimer(most)
	defer timer.Stop()
	var events <-chan fsnotify.Event
	var failures <-chan error
	if w.fsn != nil {
		events, failures = w.fsn.Events, w.fsn.Errors
	}
	select {
	case <-events:
	case <-failures: // the kernel dropped some
	case <-timer.C:
		return false
	}
	return true
}

// settle waits until there is no change for the quiet time.
func (w *watcher) settle() {
	for end := time.Now().Add(longest); w.wait(quiet) && time.Now().Before(end); {
	}
}
