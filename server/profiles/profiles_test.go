// SPDX-License-Identifier: Apache-2.0

package profiles

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/pprof"
	"strings"
	"syscall"
	"testing"
	"time"
)

// planted is in memory while profiles are made.
var planted = strings.Repeat("hunter2-planted-value", 1<<15)

// get returns the status and the text of a page. A profile is uncompressed.
func get(t *testing.T, h http.Handler, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	body := w.Body.Bytes()
	if in, err := gzip.NewReader(bytes.NewReader(body)); err == nil {
		if kind := w.Header().Get("Content-Type"); kind != "application/octet-stream" {
			t.Errorf("%s is %s", path, kind)
		}
		if body, err = io.ReadAll(in); err != nil {
			t.Fatal(err)
		}
	}
	return w.Code, string(body)
}

// TestProfilesHaveNoValues: they have the function that holds one.
func TestProfilesHaveNoValues(t *testing.T) {
	defer func(rate int) { runtime.MemProfileRate = rate }(runtime.MemProfileRate)
	runtime.MemProfileRate = 1
	held, hold := hold(planted), make(chan struct{})
	defer close(hold)
	go func(secret string, hash [32]byte) { <-hold; runtime.KeepAlive(secret + string(hash[:])) }(planted,
		[32]byte([]byte(planted[:32])))
	runtime.GC() // the profile is that of the last collection
	h := Handler()
	for _, name := range append([]string{"profile?seconds=0.1"}, names...) {
		code, text := get(t, h, "/debug/pprof/"+name)
		if code != http.StatusOK || len(text) < 100 || strings.Contains(text, planted[:21]) {
			t.Errorf("%s: HTTP %d, %d bytes", name, code, len(text))
		}
		if name == "heap" && !strings.Contains(text, "profiles.hold") {
			t.Error("the heap profile does not know who holds the value")
		}
	}
	runtime.KeepAlive(held)
}

// hold returns a copy of a value.
//
//go:noinline
func hold(value string) []byte { return []byte(value) }

func TestOnlyWhatHasNoValuesIsServed(t *testing.T) {
	h := Handler()
	for path, want := range map[string]int{"/debug/pprof/": 404, "/debug/pprof/cmdline": 404,
		"/debug/pprof/trace?seconds=0.1": 404,
		"/debug/pprof/symbol":            404, "/debug/vars": 404,
		"/debug/pprof/goroutine?debug=2": 400, "/debug/pprof/heap?debug=1": 400,
		"/debug/pprof/goroutine?debug=0": 200, "/debug/pprof/profile?seconds=61": 400, "/debug/pprof/profile?seconds=-1": 400,
		"/debug/pprof/profile?seconds=0":   400,
		"/debug/pprof/profile?seconds=NaN": 400, "/debug/pprof/profile?seconds=x": 400} {
		if code, text := get(t, h, path); code != want {
			t.Errorf("%s: HTTP %d, want %d: %.200s", path, code, want, text)
		}
	}
}

func TestOneProfileAtATime(t *testing.T) {
	server := httptest.NewServer(Handler())
	defer server.Close()
	go func() { // it tries until it has its turn, and ends with the server
		for {
			resp, err := http.Get(server.URL + "/debug/pprof/profile?seconds=60")
			if err != nil {
				return
			}
			_ = resp.Body.Close()
		}
	}()
	for deadline := time.Now().Add(20 * time.Second); ; {
		resp, err := http.Get(server.URL + "/debug/pprof/threadcreate")
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode == http.StatusServiceUnavailable {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("two profiles are made at once")
		}
	}
	server.CloseClientConnections()
}

func TestTheLongestProfileCanBeSent(t *testing.T) {
	if most := newServer().WriteTimeout; most < longest+10*time.Second {
		t.Errorf("an answer may take %s", most)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // the client goes away at once
	w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/debug/pprof/profile?seconds=60", nil)
	if Handler().ServeHTTP(w, r); w.Code != http.StatusOK {
		t.Errorf("HTTP %d: %s", w.Code, w.Body)
	}
}

func TestWhatCannotBeServedIsAnError(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(taken.Addr().String()); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("an address in use: %v", err)
	}
	if err := taken.Close(); err != nil {
		t.Fatal(err)
	}
	if err := serving(taken).Run(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a closed listener: %v", err)
	}
	task, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	task.Interrupt()
	if err := task.Run(); err != nil {
		t.Error(err)
	}
	if err := pprof.StartCPUProfile(io.Discard); err != nil {
		t.Fatal(err)
	}
	defer pprof.StopCPUProfile()
	if code, text := get(t, Handler(), "/debug/pprof/profile?seconds=1"); code != http.StatusBadRequest {
		t.Errorf("a second profile of the processor: HTTP %d, %.100s", code, text)
	}
}

func TestOnlyLoopbackIsServed(t *testing.T) {
	for _, address := range []string{":6060", "0.0.0.0:6060", "[::]:6060", "10.0.0.1:6060", "localhost:6060",
		"127.0.0.1", "", "[fe80::1]:1",
		"example.com:1"} {
		if _, err := Listen(address); err == nil || !strings.Contains(err.Error(), "is not a loopback address") {
			t.Errorf("%q: %v", address, err)
		}
	}
	for _, address := range []string{"127.0.0.1:0", "127.1.2.3:6060", "[::1]:6060", "[::ffff:127.0.0.1]:1"} {
		if err := CheckAddress(address); err != nil {
			t.Error(err)
		}
	}
}
