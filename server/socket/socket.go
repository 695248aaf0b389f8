// SPDX-License-Identifier: Apache-2.0

// Package socket has a unix socket at a path that a newer daemon can take over from an older
// one.
package socket

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Socket is a listener at a path that a newer daemon may take over from an older one: it
// binds its socket in a private folder and renames it to the path, so that a daemon
// answers there at every moment. It takes over the socket of a dead daemon in the same
// way.
type Socket struct {
	*net.UnixListener
	path string
	mine fs.FileInfo // the socket's file
}

// Listen binds a socket of mode 0600 to path, and replaces a socket that is there. It
// makes the folder if it is missing.
func Listen(path string) (*Socket, error) { return listenAt(path, false) }

// ListenIfGone is listen if there is no socket at path, or one of a dead daemon. Else it
// returns fs.ErrExist.
func ListenIfGone(path string) (*Socket, error) { return listenAt(path, true) }

func listenAt(path string, ifGone bool) (*Socket, error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("making the folder of the socket: %w", err)
	}
	unlock, err := lock(path)
	if err != nil {
		return nil, err
	}
	defer unlock()
	there, err := os.Lstat(path)
	if ifGone && err == nil && (there.Mode().Type() != fs.ModeSocket || !isDead(path)) {
		return nil, fs.ErrExist
	}
	if err == nil && there.Mode().Type() != fs.ModeSocket {
		return nil, fmt.Errorf("%s exists and is not a socket; remove it, or choose another --endpoint", path)
	}
	// The socket is in a private folder until its mode is right: between bind and chmod
	// any user could connect. The folder's name is fixed: while this process has the
	// lock, a folder that is there was left by a daemon that died.
	private := filepath.Join(dir, "."+filepath.Base(path))
	_ = os.Remove(filepath.Join(private, "s")) // not RemoveAll: Mkdir fails if anything else is there
	_ = os.Remove(private)
	if err := os.Mkdir(private, 0o700); err != nil {
		return nil, fmt.Errorf("making a folder for the new socket: %w; if it exists, remove it", err)
	}
	defer os.RemoveAll(private)
	s, err := bind(filepath.Join(private, "s"), path)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", path, err)
	}
	return s, nil
}

// isDead reports whether the process of the socket at path has ended. A socket is put
// there only when it listens.
func isDead(path string) bool {
	c, err := net.Dial("unix", path)
	if err == nil {
		_ = c.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

func bind(temporary, path string) (*Socket, error) {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: temporary, Net: "unix"})
	if errors.Is(err, syscall.EINVAL) {
		return nil, fmt.Errorf("the path is too long for a socket (%d bytes); choose a shorter --endpoint", len(temporary))
	}
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	s := &Socket{UnixListener: l, path: path}
	if err = os.Chmod(temporary, 0o600); err == nil {
		s.mine, err = os.Lstat(temporary)
	}
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return s, nil
}

// IsThere reports whether the socket is still at its path.
func (s *Socket) IsThere() bool {
	there, err := os.Lstat(s.path)
	return err == nil && os.SameFile(there, s.mine)
}

// Release removes the socket from its path, unless a newer daemon has put its own there.
// It must be called while the listener is open: until then the kernel gives the inode to
// no other file, so that the comparison with mine is right.
func (s *Socket) Release() error {
	unlock, err := lock(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the folder is gone, and the socket with it
	}
	if err != nil {
		return err
	}
	defer unlock()
	if !s.IsThere() {
		return nil
	}
	return os.Remove(s.path)
}

// lockPatience is how long a daemon waits for another one that changes the path.
const lockPatience = 5 * time.Second

// lock keeps other daemons from changing path until unlock. The lock is on a file in the
// same folder that only its owner can open, so that other users cannot hold it. The file
// is never removed, since that would be a race.
func lock(path string) (unlock func(), err error) {
	name := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".lock")
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	deadline := time.Now().Add(lockPatience)
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if time.Now().After(deadline) || !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errors.Join(fmt.Errorf("another process holds the lock %s: %w", name, err), f.Close())
		}
		time.Sleep(10 * time.Millisecond)
	}
}
