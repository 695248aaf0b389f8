// SPDX-License-Identifier: Apache-2.0

package connections

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"
)

// TestABurstOfChangesIsReadOnce: after a change the watcher waits for 50 ms without another one,
// since programs write a certificate and its key one after the other, and 300 ms at most.
func TestABurstOfChangesIsReadOnce(t *testing.T) {
	for name, c := range map[string]struct {
		changes int // 40 ms apart
		want    time.Duration
	}{
		"one change": {0, 50 * time.Millisecond}, "two": {1, 90 * time.Millisecond},
		"five": {4, 210 * time.Millisecond}, "without end": {100, 300 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				w := watcher{fsn: &fsnotify.Watcher{Events: make(chan fsnotify.Event)}, settling: defaultSettling}
				for i := range c.changes {
					time.AfterFunc(time.Duration(i+1)*40*time.Millisecond, func() {
						select {
						case w.fsn.Events <- fsnotify.Event{Name: "/credentials/tls.key", Op: fsnotify.Write}:
						case <-ctx.Done():
						}
					})
				}
				began := time.Now()
				w.settle(ctx)
				if took := time.Since(began); took != c.want {
					t.Errorf("waited %s, want %s", took, c.want)
				}
				cancel()
				synctest.Wait()
			})
		})
	}
}

// TestSettlingEndsWithTheDaemon: the daemon does not wait for files to settle when it stops.
func TestSettlingEndsWithTheDaemon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		w := watcher{fsn: &fsnotify.Watcher{Events: make(chan fsnotify.Event)}, settling: defaultSettling}
		began := time.Now()
		w.settle(ctx)
		if took := time.Since(began); took != 0 {
			t.Errorf("waited %s, want no wait", took)
		}
	})
}

// TestASetSettlesByDefault: Open sets the wait after a change if no test has set another.
func TestASetSettlesByDefault(t *testing.T) {
	if got := Open(Options{File: "/nowhere"}).options.settling; got != defaultSettling {
		t.Errorf("the set waits %+v after a change, want %+v", got, defaultSettling)
	}
}

// TestOnlyChangesOfTargetsAreWaitedFor: files settle after a change of a target. Ticks and other
// changes cause no wait.
func TestOnlyChangesOfTargetsAreWaitedFor(t *testing.T) {
	for name, c := range map[string]struct {
		path     string // "" for a tick
		relevant bool
		want     time.Duration
	}{
		"a target":     {"/credentials/token", true, 50 * time.Millisecond},
		"another file": {"/tmp/x", false, 0}, "a tick": {"", true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				events, ticks := make(chan fsnotify.Event, 1), make(chan time.Time, 1)
				w := watcher{fsn: &fsnotify.Watcher{Events: events}, settling: defaultSettling,
					targets: []string{"/config/config.yaml", "/credentials"}}
				if c.path == "" {
					ticks <- testTime
				} else {
					events <- fsnotify.Event{Name: c.path, Op: fsnotify.Write}
				}
				began := time.Now()
				relevant, ok := w.next(t.Context(), ticks)
				if took := time.Since(began); relevant != c.relevant || !ok || took != c.want {
					t.Errorf("relevant %v, ok %v after %s; want %v, true after %s", relevant, ok, took, c.relevant, c.want)
				}
			})
		})
	}
}
