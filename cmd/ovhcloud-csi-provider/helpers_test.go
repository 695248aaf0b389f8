// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	pb "sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1"

	"ovhcloud-csi-provider/test/harness"
	"ovhcloud-csi-provider/test/image"
)

// binary is the path of the daemon, which is built once for the tests of this package.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "daemon")
	if err != nil {
		return "", err
	}
	builtIn = dir
	path := filepath.Join(dir, "ovhcloud-csi-provider")
	build := exec.Command("go", "build", "-o", path, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as in the image
	out, err := build.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building: %w\n%s", err, out)
	}
	return path, nil
})

// builtIn is the directory of binary; empty if no test has built it.
var builtIn string

func TestMain(m *testing.M) {
	code := m.Run()
	if builtIn != "" {
		_ = os.RemoveAll(builtIn)
	}
	os.Exit(code)
}

// process is a running daemon. Its log is complete when it has ended.
type process struct {
	*exec.Cmd
	admin  string
	client pb.CSIDriverProviderClient
	log    *syncBuffer
	ended  chan error
}

// syncBuffer is written by the process while the test reads.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

var servingAt = regexp.MustCompile(`admin[=":]+([0-9.]+:[0-9]+)`)

// startDaemon starts the binary for a store, and returns when it serves.
func startDaemon(t *testing.T, store *harness.Store, socket string, env []string, args ...string) *process {
	t.Helper()
	return startDaemonIn(t, func(*exec.Cmd) {}, store, socket, env, args...)
}

// startDaemonIn is startDaemon with a function that changes the command. The daemon runs with its seccomp profile and
// the image's environment.
func startDaemonIn(t *testing.T, change func(*exec.Cmd), store *harness.Store, socket string, env []string,
	args ...string) *process {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	args = append([]string{"--endpoint", "unix://" + socket, "--admin-address", "127.0.0.1:0", "--allow-endpoint",
		store.URL}, args...)
	p := &process{Cmd: exec.Command(path, args...), log: &syncBuffer{}, ended: make(chan error, 1)}
	p.Env = slices.Concat(os.Environ(), []string{image.Env}, env)
	change(p.Cmd)
	confine(p.Cmd)
	stderr, err := p.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill() })
	serving := make(chan string, 1)
	go func() {
		lines := bufio.NewReader(io.TeeReader(stderr, p.log))
		for {
			line, err := lines.ReadString('\n')
			if m := servingAt.FindStringSubmatch(line); m != nil {
				serving <- m[1]
			}
			if err != nil {
				close(serving)
				p.ended <- p.Wait()
				return
			}
		}
	}()
	admin, ok := <-serving
	if !ok {
		t.Fatalf("the daemon ended: %v\n%s", <-p.ended, p.log)
	}
	p.admin, p.client = "http://"+admin, harness.Dial(t, socket)
	return p
}

// stop sends a signal and returns the exit status.
func (p *process) stop(t *testing.T, s os.Signal) int {
	t.Helper()
	if err := p.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
	<-p.ended
	return p.ProcessState.ExitCode()
}

// page waits until a page of the admin address begins with a text, and returns the page.
func (p *process) page(t *testing.T, path, begins string) string {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	for {
		text := harness.Page(t, p.admin+path)
		if strings.HasPrefix(text, begins) {
			return text
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("%s is %s, want %s", path, text, begins)
		}
	}
}

// Values that are planted as secrets. lookFor finds them as they are, in base64 and in hex.
var (
	plantedValue   = "hunter2-planted-value"
	plantedToken   = "eyJhbGciOiJFZERTQSJ9.planted-token" + manyClaims
	plantedAccount = "planted-service-account-token" // the harness sends it
)

// manyClaims makes the token as long as a real one.
var manyClaims = strings.Repeat(".eyJhIjoiYiIsImMiOiJkIn0", 30)

// lookFor fails the test if a planted value is in the text in any form.
func lookFor(t *testing.T, text string, planted ...string) {
	t.Helper()
	for _, p := range planted {
		for form, s := range map[string]string{"as it is": p, "in base64": base64.RawStdEncoding.EncodeToString([]byte(p)),
			"in hex": hex.EncodeToString([]byte(p))} {
			if at := strings.Index(text, s); at >= 0 {
				t.Errorf("%.20q is there %s: …%.300s…", p, form, text[max(0, at-100):])
			}
		}
	}
	if len(text) < 1000 {
		t.Errorf("only %d bytes were looked at", len(text))
	}
}

// chartLimit is the memory limit of the daemon in the chart, in bytes. Above it the kernel
// kills the daemon, and with it the mounts of all pods of the node.
const chartLimit = 256 << 20

// mostMemory returns the highest memory use of a process, in bytes.
func mostMemory(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if m == nil {
		t.Fatalf("no VmHWM in %s", status)
	}
	kb, err := strconv.Atoi(string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kb << 10
}

func isGone(path string) bool {
	_, err := os.Stat(path)
	return os.IsNotExist(err)
}

// eventually polls until ok, and returns false if that takes longer than most.
func eventually(most time.Duration, ok func() bool) bool {
	deadline := time.After(most)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			return false
		case <-tick.C:
		}
	}
	return true
}
