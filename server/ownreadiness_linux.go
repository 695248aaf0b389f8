// SPDX-License-Identifier: Apache-2.0

package server

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
)

// peerIsVisible reports whether the process that listens at the other end of a unix
// socket is in the PID namespace of this process. The kernel gives its PID as 0 if not
// (unix(7), SO_PEERCRED).
func peerIsVisible(conn net.Conn) (bool, error) {
	unix, ok := conn.(*net.UnixConn)
	if !ok {
		return false, errors.New("not a unix socket")
	}
	raw, err := unix.SyscallConn()
	if err != nil {
		return false, err
	}
	var peer *syscall.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) {
		peer, failed = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	})
	if err := errors.Join(err, failed); err != nil {
		return false, err
	}
	return peer.Pid != 0, nil
}

// ownAddress returns the address at which the daemon for socket answers the probes of
// its own container. It is abstract, so it needs no writable folder and ends with the
// daemon. It differs between PID namespaces, for pods that share the node's network.
func ownAddress(socket string) (*net.UnixAddr, error) {
	namespace, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return nil, err
	}
	name := sha256.Sum256([]byte(namespace + " " + socket)) // an address has 107 bytes at most
	return &net.UnixAddr{Net: "unix", Name: fmt.Sprintf("@%s-%x", RuntimeName, name[:16])}, nil
}
