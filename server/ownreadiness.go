// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"k8s.io/klog/v2"

	"ovhcloud-csi-provider/server/tasks"
)

// In a rolling update a newer daemon takes the socket over while the older one still
// runs. The readiness of the older pod must not depend on that: if it became not ready,
// the DaemonSet controller would delete it before the newer pod is ready, and a failing
// update would not stop. So a daemon also serves its readiness at an address that only
// its own container knows. If a process of another container serves the socket,
// ProbeReady asks there.

// ownReady is the answer of a daemon that is ready. Any other text is the reason.
const ownReady = "ok"

// listenOwn opens this daemon's own address for its readiness. It returns nil if the
// system has no such address, or if it is in use.
func (s *Server) listenOwn() net.Listener {
	address, err := ownAddress(s.config.Socket)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	if err == nil {
		var l *net.UnixListener
		if l, err = net.ListenUnix("unix", address); err == nil {
			return l
		}
	}
	// The probes need it only after another container took the socket over.
	if !errors.Is(err, syscall.EADDRINUSE) { // by a newer daemon of this container; both are visible
		klog.ErrorS(err, "cannot serve the readiness to this container's own probes")
	}
	return nil
}

// ownTask answers on l until it is interrupted.
func ownTask(l net.Listener, ready func() error) tasks.Task {
	return tasks.Task{
		Name:      "serving this container's probes",
		Run:       func() error { answerOwn(l, ready); return nil },
		Interrupt: func() { _ = l.Close() },
	}
}

// answerOwn answers with this daemon's readiness until l is closed. Each connection gets
// the answer and is closed: there is nothing to read, so no client can hold on to it.
func answerOwn(l net.Listener, ready func() error) {
	for {
		c, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // no file descriptor is free
			time.Sleep(100 * time.Millisecond)
			continue
		}
		answer := ownReady
		if err := ready(); err != nil {
			answer = bounded(err.Error(), maxReason)
		}
		_ = c.SetDeadline(time.Now().Add(time.Second))
		_, _ = io.WriteString(c, answer)
		_ = c.Close()
	}
}

// askOwn asks this container's own daemon whether it is ready, while another container's
// daemon serves the socket. It returns nil if it is.
func askOwn(ctx context.Context, socket string) error {
	elsewhere := fmt.Sprintf("%s is served by a daemon of another container", socket)
	address, err := ownAddress(socket)
	if err != nil {
		return fmt.Errorf("%s; cannot look for this container's own: %w", elsewhere, err)
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, address.Net, address.Name)
	if err != nil {
		return fmt.Errorf("%s; this container's own daemon does not serve yet", elsewhere)
	}
	defer conn.Close()
	if visible, err := peerIsVisible(conn); err != nil || !visible {
		return fmt.Errorf("%s; another process has the address of this container's own daemon", elsewhere)
	}
	if end, ok := ctx.Deadline(); ok {
		_ = conn.SetReadDeadline(end)
	}
	answer, err := io.ReadAll(io.LimitReader(conn, maxReason))
	switch {
	case err != nil:
		return fmt.Errorf("%s; this container's own daemon did not answer in time", elsewhere)
	case string(answer) != ownReady:
		return fmt.Errorf("this container's daemon is not ready: %s", oneLine(string(answer)))
	}
	return nil
}
