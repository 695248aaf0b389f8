// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1"
)

const (
	productModule = "ovhcloud-csi-provider"
	// stopTimeout is how long a daemon may take to exit after SIGTERM.
	stopTimeout = time.Minute
	// checkInterval is the pause between two checks of a condition.
	checkInterval = 10 * time.Millisecond
)

// BuildDaemon builds the provider's daemon from this checkout's source into dir and returns the program's path. If ctx
// ends early, temporary files remain in dir, and nowhere else. It builds in the product's module, so that the daemon
// has the product's dependencies and not this module's.
func BuildDaemon(ctx context.Context, dir string) (string, error) {
	list := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", productModule)
	source, err := list.Output()
	if err != nil {
		return "", fmt.Errorf("finding the source of %s: %w", productModule, err)
	}
	program := filepath.Join(dir, productModule)
	// Without VCS information: go would fail if git does not trust the owner of the checkout.
	build := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", program, "./cmd/"+productModule)
	build.Dir = strings.TrimSpace(string(source))
	// At the end of ctx, go and all processes that it started are killed; their temporary files are in dir.
	build.Env = append(os.Environ(), "GOTMPDIR="+dir)
	build.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	build.Cancel = func() error { return syscall.Kill(-build.Process.Pid, syscall.SIGKILL) }
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the daemon: %w\n%s", err, out)
	}
	return program, nil
}

// Daemon is a running provider daemon in a process of its own.
type Daemon struct {
	process *os.Process
	log     *logBuffer
	done    chan struct{} // closed when the process has ended
	err     error         // how it ended; valid after done is closed
}

// StartDaemon starts the program on a socket, with additional arguments, and returns when it answers there. If another
// daemon answered on the socket before, it returns when the new one has replaced it. The caller stops or kills it.
func StartDaemon(ctx context.Context, program, socket string, args ...string) (*Daemon, error) {
	before, _ := os.Stat(socket)
	replaces := before != nil && answers(ctx, socket) == nil
	cmd := exec.Command(program, append([]string{"--endpoint", "unix://" + socket}, args...)...)
	d := &Daemon{log: &logBuffer{}, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = d.log, d.log
	cmd.SysProcAttr = dieWithParent()
	started := make(chan error)
	go d.own(cmd, started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting the daemon: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	ready := func() bool {
		now, err := os.Stat(socket)
		return err == nil && !(replaces && os.SameFile(before, now)) && answers(ctx, socket) == nil
	}
	if err := d.await(ctx, ready); err != nil {
		d.Kill()
		return nil, fmt.Errorf("starting the daemon: %w; its log:\n%s", err, d.Log())
	}
	return d, nil
}

// own starts the process and waits for it on one thread, because the kernel sends the death signal when the thread that
// started the child ends.
func (d *Daemon) own(cmd *exec.Cmd, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := cmd.Start()
	d.process = cmd.Process
	started <- err
	if err == nil {
		d.err = cmd.Wait()
		close(d.done)
	}
}

// await polls ready until it is true. It fails if the process or ctx ends first.
func (d *Daemon) await(ctx context.Context, ready func() bool) error {
	tick := time.NewTicker(checkInterval)
	defer tick.Stop()
	for !ready() {
		select {
		case <-tick.C:
		case <-d.done:
			return fmt.Errorf("it exited: %w", d.err)
		case <-ctx.Done():
			return errors.New("it does not answer on its socket")
		}
	}
	return nil
}

// answers calls Version on the socket over a new connection. It returns nil if a provider answers.
func answers(ctx context.Context, socket string) error {
	conn, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithAuthority("localhost"))
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = v1alpha1.NewCSIDriverProviderClient(conn).Version(ctx, &v1alpha1.VersionRequest{Version: "v1alpha1"})
	return err
}

// Terminate sends SIGTERM and does not wait.
func (d *Daemon) Terminate() error { return d.process.Signal(syscall.SIGTERM) }

// Wait waits until the daemon has exited. The error is nil if its exit code is 0.
func (d *Daemon) Wait() error {
	select {
	case <-d.done:
		return d.err
	case <-time.After(stopTimeout):
		d.Kill()
		return fmt.Errorf("the daemon did not exit within %v of SIGTERM", stopTimeout)
	}
}

// Stop calls Terminate and Wait. It is no error if the daemon has already exited.
func (d *Daemon) Stop() error {
	if err := d.Terminate(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return d.Wait()
}

// Kill sends SIGKILL, so that the daemon cannot clean up, and waits until it has exited.
func (d *Daemon) Kill() {
	d.process.Kill() // an error means that it has already exited
	<-d.done
}

// Log returns the daemon's output so far.
func (d *Daemon) Log() string { return d.log.String() }

// logBuffer is a buffer that can be read while a process writes to it.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
