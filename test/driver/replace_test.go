// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"ovhcloud-csi-provider/test/emulator"
)

// stream mounts and unmounts pods until it is stopped.
type stream struct {
	s       *shop
	mounts  chan struct{} // receives one value per successful mount
	stop    context.CancelFunc
	workers sync.WaitGroup
}

func startStream(s *shop, workers int) *stream {
	// The first mount runs alone: the driver's mount library caches without a lock whether systemd runs
	// (k8s.io/mount-utils v0.36.1, hasSystemd), which is a data race.
	publish(s.t, s.pod("first"))
	ctx, cancel := context.WithCancel(s.t.Context())
	st := &stream{s: s, mounts: make(chan struct{}), stop: cancel}
	for worker := range workers {
		st.workers.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				if err := st.mount(ctx, fmt.Sprintf("web-%d-%d", worker, i)); err != nil {
					s.t.Error(err)
					return
				}
			}
		})
	}
	return st
}

func (st *stream) mount(ctx context.Context, name string) error {
	pod, err := st.s.node.Schedule(PodSpec{Namespace: "shop", Name: name, Class: "shop", Credentials: "okms"})
	if err != nil {
		return err
	}
	if err := pod.Publish(); err != nil {
		return fmt.Errorf("mounting for %s: %w", name, err)
	}
	all, err := pod.Files()
	if err != nil {
		return err
	}
	if got := all["user"].Content; got != "shop" {
		return fmt.Errorf("the file of %s is %q", name, got)
	}
	if err := pod.Unpublish(); err != nil {
		return err
	}
	select {
	case st.mounts <- struct{}{}:
	case <-ctx.Done():
	}
	return nil
}

// await waits for n successful mounts.
func (st *stream) await(n int) {
	st.s.t.Helper()
	ctx, cancel := context.WithTimeout(st.s.t.Context(), waitTimeout)
	defer cancel()
	for i := range n {
		select {
		case <-st.mounts:
		case <-ctx.Done():
			st.s.t.Fatalf("%d of %d mounts in %v", i, n, waitTimeout)
		}
	}
}

func (st *stream) end() {
	st.stop()
	st.workers.Wait()
}

func TestReplacingTheDaemonFailsNoMount(t *testing.T) {
	s := small(t)
	s.fault(emulator.Fault{Delay: 20 * time.Millisecond}) // so that some mounts are always in progress
	st := startStream(s, 4)
	defer st.end()
	const mounts = 20
	st.await(mounts)
	for range 4 {
		old := s.daemon
		s.daemon = s.startDaemon()
		socket, err := os.Stat(s.node.Socket("ovhcloud"))
		if err != nil {
			t.Fatal(err)
		}
		st.await(mounts) // both daemons run
		if err := old.Terminate(); err != nil {
			t.Fatal(err)
		}
		st.await(mounts) // the old daemon is exiting
		if err := old.Wait(); err != nil {
			t.Errorf("the old daemon exited with %v, want exit code 0", err)
		}
		if left, err := os.Stat(s.node.Socket("ovhcloud")); err != nil || !os.SameFile(socket, left) {
			t.Fatalf("the old daemon removed the new one's socket: %v", err)
		}
		st.await(mounts)
	}
}

func TestDaemonTakesOverTheSocketOfAKilledDaemon(t *testing.T) {
	s := small(t)
	publish(t, s.pod("before"))
	s.daemon.Kill()
	if _, err := os.Stat(s.node.Socket("ovhcloud")); err != nil {
		t.Fatalf("a killed daemon cannot remove its socket: %v", err)
	}
	// If no daemon listens, the driver waits and does not refuse the pod.
	waiting := s.pod("waiting")
	published := make(chan error, 1)
	go func() { published <- waiting.PublishWithin(t.Context()) }()
	s.daemon = s.startDaemon()
	if err := <-published; err != nil {
		t.Fatalf("the pod that waited: %v", err)
	}
	wantFiles(t, waiting, map[string]File{"user": {"shop", 0o644}})
	publish(t, s.pod("after"))
}

func TestDaemonExitsWithZeroAndRemovesItsSocket(t *testing.T) {
	s := small(t)
	if err := s.daemon.Stop(); err != nil {
		t.Errorf("after SIGTERM the daemon exited with %v, want exit code 0", err)
	}
	if _, err := os.Stat(s.node.Socket("ovhcloud")); err == nil {
		t.Error("the daemon did not remove its socket")
	}
}

// small returns a shop with one secret and a class of one file.
func small(t *testing.T) *shop {
	t.Helper()
	s := openShop(t, Options{})
	s.put("prod/shop/db", database)
	s.class(onlyObject)
	return s
}
