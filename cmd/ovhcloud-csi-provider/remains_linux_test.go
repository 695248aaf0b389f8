// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	pb "sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1"

	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

// memoryOf returns what a core of a process has: its writable memory. Only root can read it, since the daemon is marked
// as not dumpable.
func memoryOf(t *testing.T, pid int) []byte {
	t.Helper()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		t.Skipf("this user cannot read the memory of the daemon: %v", err)
	}
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		t.Skipf("this user cannot read the memory of the daemon: %v", err)
	}
	defer memory.Close()
	var all bytes.Buffer
	for line := range strings.Lines(string(maps)) {
		var begin, end uint64
		var rights string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &begin, &end, &rights); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if !strings.HasPrefix(rights, "rw") {
			continue
		}
		part := io.NewSectionReader(memory, int64(begin), int64(end-begin))
		if _, err := io.Copy(&all, part); err != nil && !errors.Is(err, io.EOF) {
			t.Logf("%s: %v", strings.TrimSpace(line), err)
		}
	}
	return all.Bytes()
}

// In the image's environment, what a mount had is overwritten when its memory is collected, and buffers of requests
// when they are free. What stays is in use: the token of the client, which is kept for ten minutes, and the buffers of
// its connection to the store. Without that environment, 16 copies of the token stayed.
func TestCollectedMemoryIsOverwritten(t *testing.T) {
	store := harness.StartStore(t)
	value, token := strings.Repeat("\u058e\u07f7\u16ed", 30), "qX7~"+strings.Repeat("zWv9-_kQ", 40)
	store.Hold(t, map[string]string{"s": `{"a":"` + value + `"}`})
	if err := store.AddToken(token, emulator.Identity{}); err != nil {
		t.Fatal(err)
	}
	p := startDaemon(t, store, harness.SocketPath(t), nil, "--cache-ttl=0")
	for range 5 {
		if _, err := p.client.Mount(t.Context(), store.Request(harness.Mount{Token: token,
			Objects: "- secretPath: s\n  secretKey: a\n  objectName: " + strings.Repeat("long", 50)})); err != nil {
			t.Fatal(err)
		}
	}
	copies := func() (values, tokens, messages int) {
		all := memoryOf(t, p.Process.Pid)
		request, answer := `{"token":"`+token, "\x1a\xd2\x01"+value // the number and the length of a field
		return bytes.Count(all, []byte(value)), bytes.Count(all, []byte(token)),
			bytes.Count(all, []byte(request)) + bytes.Count(all, []byte(answer))
	}
	values, tokens, messages := copies()
	if values == 0 || tokens == 0 {
		t.Errorf("%d copies of the value and %d of the token after the mounts: too few to prove something", values, tokens)
	}
	if !eventually(time.Minute, func() bool {
		for range 2000 { // short calls, which overwrite little, until garbage is collected
			_, _ = p.client.Version(t.Context(), &pb.VersionRequest{})
		}
		values, tokens, messages = copies()
		return values <= 3 && tokens <= 3 && messages == 0
	}) {
		t.Errorf("%d copies of the value, %d of the token and %d in messages of gRPC remain", values, tokens, messages)
	}
}
