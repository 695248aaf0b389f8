// SPDX-License-Identifier: Apache-2.0

package socket

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func mustListen(t *testing.T, path string) *Socket {
	t.Helper()
	s, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// answers reports whether a caller of the path reaches this listener.
func answers(t *testing.T, s *Socket, path string) bool {
	t.Helper()
	conn, err := net.Dial("unix", path)
	if err != nil {
		return false
	}
	defer conn.Close()
	if err := s.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	accepted, err := s.Accept()
	if err != nil {
		return false
	}
	return accepted.Close() == nil
}

func onlyThere(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 2 || entries[0].Name() != "."+filepath.Base(path)+".lock" ||
		entries[1].Name() != filepath.Base(path) {
		t.Errorf("the folder holds %v, %v", entries, err)
	}
}

func TestTheSocketIsForItsOwnerOnly(t *testing.T) {
	path := filepath.Join(filepath.Dir(freePath(t)), "made", "p.sock")
	s := mustListen(t, path)
	info, err := os.Lstat(path)
	if err != nil || info.Mode() != fs.ModeSocket|0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	onlyThere(t, path)
	if !answers(t, s, path) {
		t.Error("it does not answer")
	}
}

func TestADeadDaemonsSocketIsTakenOver(t *testing.T) {
	path := freePath(t)
	dead := mustListen(t, path)
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
	// A daemon that died between bind and rename leaves this.
	if err := os.MkdirAll(filepath.Join(filepath.Dir(path), ".p.sock", "s"), 0o700); err != nil {
		t.Fatal(err)
	}
	s := mustListen(t, path)
	if !answers(t, s, path) {
		t.Error("it does not answer")
	}
	onlyThere(t, path)
}

func TestAnOlderDaemonKeepsTheNewerOnesSocket(t *testing.T) {
	path := freePath(t)
	older := mustListen(t, path)
	waiting, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer waiting.Close()
	newer := mustListen(t, path)
	if !answers(t, newer, path) {
		t.Error("the newer one is not reached")
	}
	if _, err := older.Accept(); err != nil {
		t.Errorf("a caller of the older one is not served: %v", err)
	}
	if err := older.Release(); err != nil {
		t.Error(err)
	}
	if err := older.Close(); err != nil {
		t.Error(err)
	}
	if !answers(t, newer, path) {
		t.Error("the older one's end took the newer one's socket away")
	}
	if err := newer.Release(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the last one left its socket behind: %v", err)
	}
	if err := newer.Release(); err != nil {
		t.Errorf("a second release: %v", err)
	}
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	if err := newer.Release(); err != nil {
		t.Errorf("a release without the folder: %v", err)
	}
}

func TestTheEndOfADaemonLeavesASocketThatIsNotAtItsPathYet(t *testing.T) {
	path := freePath(t)
	older := mustListen(t, path)
	next := filepath.Join(filepath.Dir(path), ".p.sock", "s") // of a daemon between bind and rename
	if err := errors.Join(os.Mkdir(filepath.Dir(next), 0o700), os.WriteFile(next, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(older.Release(), older.Close()); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(next); err != nil {
		t.Error(err)
	}
}

func TestOfManyDaemonsAtOnceOneAnswers(t *testing.T) {
	path := freePath(t)
	var all sync.WaitGroup
	sockets := make([]*Socket, 20)
	for i := range sockets {
		all.Go(func() { sockets[i] = mustListen(t, path) })
	}
	all.Wait()
	answering := 0
	for _, s := range sockets {
		if here, err := os.Lstat(path); err == nil && os.SameFile(here, s.mine) {
			answering++
			if !answers(t, s, path) {
				t.Error("it does not answer")
			}
		}
	}
	if answering != 1 {
		t.Errorf("%d sockets are at the path", answering)
	}
	onlyThere(t, path)
}

func TestPathsThatCannotBeASocket(t *testing.T) {
	file := freePath(t)
	if err := os.WriteFile(file, []byte("precious"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(file); err == nil ||
		err.Error() != file+" exists and is not a socket; remove it, or choose another --endpoint" {
		t.Errorf("error = %v", err)
	}
	if content, err := os.ReadFile(file); err != nil || string(content) != "precious" {
		t.Errorf("the file was touched: %q, %v", content, err)
	}
	long := filepath.Join(filepath.Dir(file), strings.Repeat("x", 120)+".sock")
	if _, err := Listen(long); err == nil || !strings.Contains(err.Error(), "the path is too long for a socket") {
		t.Errorf("error = %v", err)
	}
	if _, err := Listen(filepath.Join(file, "below", "p.sock")); err == nil {
		t.Error("a folder below a file was made")
	}
}

func TestAFolderOfAnotherIsNotCleared(t *testing.T) {
	path := freePath(t)
	other := filepath.Join(filepath.Dir(path), ".p.sock", "precious")
	if err := os.MkdirAll(other, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(path); err == nil || !strings.HasPrefix(err.Error(), "making a folder for the new socket: ") {
		t.Errorf("error = %v", err)
	}
	if _, err := os.Lstat(other); err != nil {
		t.Error(err)
	}
}

func TestASocketThatCannotBeBoundIsAnError(t *testing.T) {
	dir := filepath.Dir(freePath(t))
	for name, c := range map[string]struct{ temporary, path string }{
		"no folder":               {filepath.Join(dir, "missing", "s"), filepath.Join(dir, "p.sock")},
		"a folder is at the path": {filepath.Join(dir, "s"), dir},
	} {
		if _, err := bind(c.temporary, c.path); err == nil {
			t.Errorf("%s: no error", name)
		}
		if _, err := net.Dial("unix", c.temporary); err == nil {
			t.Errorf("%s: the socket listens", name)
		}
	}
}

// TestTheLockIsWaitedForFiveSeconds: then another daemon hangs.
func TestTheLockIsWaitedForFiveSeconds(t *testing.T) {
	path := freePath(t)
	for held, wantErr := range map[time.Duration]bool{lockPatience - time.Second: false, time.Hour: true} {
		synctest.Test(t, func(t *testing.T) {
			unlock, err := lock(path)
			if err != nil {
				t.Fatal(err)
			}
			defer unlock()
			time.AfterFunc(held, unlock)
			begin := time.Now()
			unlockAgain, err := lock(path)
			late := time.Since(begin) - min(held, lockPatience)
			if (err != nil) != wantErr || late < 0 || late > 20*time.Millisecond {
				t.Errorf("held for %s: waited %s longer, %v", held, late, err)
			}
			if err == nil {
				unlockAgain()
			}
		})
	}
}

func TestALockThatCannotBeOpenedIsAnError(t *testing.T) {
	path := freePath(t)
	s := mustListen(t, path)
	name := filepath.Join(filepath.Dir(path), ".p.sock.lock")
	if err := errors.Join(os.Remove(name), os.Symlink("elsewhere", name)); err != nil { // another user's, maybe
		t.Fatal(err)
	}
	if err := s.Release(); !errors.Is(err, syscall.ELOOP) {
		t.Errorf("released: %v", err)
	}
	if _, err := Listen(path); !errors.Is(err, syscall.ELOOP) {
		t.Errorf("took over: %v", err)
	}
}

func TestListenIfGoneKeepsASocketInUse(t *testing.T) {
	path := freePath(t)
	newer := mustListen(t, path)
	if _, err := ListenIfGone(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("error = %v", err)
	}
	if !answers(t, newer, path) {
		t.Error("the newer one is not reached")
	}
	for name, ends := range map[string]func(*Socket) error{"is gone": (*Socket).Release,
		"is of a dead one": func(s *Socket) error { return s.Close() }} {
		if err := ends(newer); err != nil {
			t.Fatal(err)
		}
		again, err := ListenIfGone(path)
		if err != nil {
			t.Fatalf("the socket %s: %v", name, err)
		}
		if newer.IsThere() || !again.IsThere() || !answers(t, again, path) {
			t.Errorf("the socket %s: the newest is not reached", name)
		}
		newer = again
	}
	if err := newer.Close(); err != nil {
		t.Error(err)
	}
}

// freePath returns a path in a new folder, short enough for a socket.
func freePath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "p.sock")
}
