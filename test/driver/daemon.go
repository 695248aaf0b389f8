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
	// stopPatience bounds how long a daemon may take to end after SIGTERM.
	stopPatience = time.Minute
	// askEvery is the pause between two looks at a starting daemon.
	askEvery = 10 * time.Millisecond
)

// BuildDaemon builds the provider's daemon from this checkout's source into dir and returns the program's path. At the
// end of ctx it leaves files in dir, and nothing elsewhere. It builds in the product's own module, so that the product's own dependencies are in it and not this module's.
func BuildDaemon(ctx context.Context, dir string) (string, error) {
	list := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", productModule)
	source, err := list.Output()
	if err != nil {
		return "", fmt.Errorf("finding the source of %s: %w", productModule, err)
	}
	program := filepath.Join(dir, productModule)
	// Without version control's stamp: go refuses to build where git distrusts the checkout's owner.
	build := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", program, "./cmd/"+productModule)
	build.Dir = strings.TrimSpace(string(source))
	// At the end of ctx, go and what it started end at once, and their temporary files are in dir.
	build.Env = append(os.Environ(), "GOTMPDIR="+dir)
	build.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	build.Cancel = func() error { return syscall.Kill(-build.Process.Pid, syscall.SIGKILL) }
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the daemon: %w\n%s", err, out)
	}
	return program, nil
}

// Daemon is a running provider daemon, a process of its own.
type Daemon struct {
	process *os.Process
	log     *logBuffer
	done    chan struct{} // closed when the process has ended
	err     error         // how it ended; to be read after done
}

// StartDaemon starts the program on a socket, with further arguments, and returns when it answers there; a daemon that
// answered there before must have been replaced by then. The caller stops or kills it.
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
	ctx, cancel := context.WithTimeout(ctx, startPatience)
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

// own starts the process and waits for it, on one thread: a death signal is tied to the thread that started the child.
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

// await looks at ready again and again until it is so, the process ends, or ctx does.
func (d *Daemon) await(ctx context.Context, ready func() bool) error {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for !ready() {
		select {
		case <-tick.C:
		case <-d.done:
			return fmt.Errorf("it ended: %w", d.err)
		case <-ctx.Done():
			return errors.New("it doesn't answer on its socket")
		}
	}
	return nil
}

// answers asks whoever listens on the socket for the provider's version, over a connection of its own.
func answers(ctx context.Context, socket string) error {
	conn, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithAuthority("localhost"))
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = v1alpha1.NewCSIDriverProviderClient(conn).Version(ctx, &v1alpha1.VersionRequest{Version: "v1alpha1"})
	return err
}

// Terminate asks the daemon to end, with SIGTERM, and doesn't wait.
func (d *Daemon) Terminate() error { return d.process.Signal(syscall.SIGTERM) }

// Wait waits for the daemon's end. The error is nil if it exited with code 0.
func (d *Daemon) Wait() error {
	select {
	case <-d.done:
		return d.err
	case <-time.After(stopPatience):
		d.Kill()
		return fmt.Errorf("the daemon did not end within %v of SIGTERM", stopPatience)
	}
}

// Stop is Terminate and Wait. It is no error if the daemon has ended already.
func (d *Daemon) Stop() error {
	if err := d.Terminate(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return d.Wait()
}

// Kill ends the daemon with SIGKILL, so that it can't clean up, and waits for its end.
func (d *Daemon) Kill() {
	d.process.Kill() // an error means that it has ended
	<-d.done
}

// Log is what the daemon has written so far.
func (d *Daemon) Log() string { return d.log.String() }

// logBuffer is a buffer that may be read while a process writes to it.
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
