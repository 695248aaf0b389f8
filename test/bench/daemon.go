// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	pb "sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1"

	"ovhcloud-csi-provider/test/image"
)

// build builds the daemon as for the image, and returns its path.
func build(ctx context.Context, folder string) (string, error) {
	program := filepath.Join(folder, "ovhcloud-csi-provider")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags=grpcnotrace", "-ldflags=-s -w", "-o", program,
		"./cmd/ovhcloud-csi-provider")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the daemon: %w\n%s", err, out)
	}
	return program, nil
}

// daemon is a process of the daemon.
type daemon struct {
	process *exec.Cmd
	conn    *grpc.ClientConn
	client  pb.CSIDriverProviderClient
	admin   string
	logged  chan struct{} // closed when all of its log is read
}

var servingAt = regexp.MustCompile(`admin="([0-9.:]+)"`)

// start starts a daemon in the image's environment, and returns when its log says that it serves. The caller stops it.
func (b *bench) start(args ...string) (*daemon, error) {
	b.started++
	socket := filepath.Join(b.folder, fmt.Sprintf("%d.sock", b.started))
	d := &daemon{process: exec.Command(b.program,
		append([]string{"--endpoint", "unix://" + socket, "--admin-address", "127.0.0.1:0",
			"--allow-endpoint", b.server.URL}, args...)...), logged: make(chan struct{})}
	d.process.Env = append(os.Environ(), image.Env)
	log, err := d.process.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := d.process.Start(); err != nil {
		return nil, fmt.Errorf("starting the daemon: %w", err)
	}
	lines := bufio.NewReader(log)
	for d.admin == "" {
		line, err := lines.ReadString('\n')
		if err != nil {
			return nil, errors.Join(fmt.Errorf("the daemon ended; its log: %s", line), d.process.Wait())
		}
		if at := servingAt.FindStringSubmatch(line); at != nil {
			d.admin = at[1]
		}
	}
	go func() {
		defer close(d.logged)
		_, _ = io.Copy(io.Discard, lines)
	}()
	if err := d.dial(socket); err != nil {
		return nil, errors.Join(err, d.stop())
	}
	return d, nil
}

// dial makes a client of the socket, as the driver does.
func (d *daemon) dial(socket string) (err error) {
	d.conn, err = grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithAuthority("localhost"),
		grpc.WithDefaultServiceConfig(`{"methodConfig":[{"name":[{"service":"v1alpha1.CSIDriverProvider"}],"waitForReady":true}]}`))
	if err == nil {
		d.client = pb.NewCSIDriverProviderClient(d.conn)
	}
	return err
}

// stop stops the process and waits for its end.
func (d *daemon) stop() error {
	if d.conn != nil {
		_ = d.conn.Close()
	}
	_ = d.process.Process.Signal(syscall.SIGTERM) // it fails if the process has ended
	<-d.logged
	return d.process.Wait()
}

// memory returns a line of the process's status, VmRSS or VmHWM, in MB (10^6 bytes).
func (d *daemon) memory(line string) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.process.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("reading the daemon's memory: %w", err)
	}
	for l := range strings.Lines(string(text)) {
		if value, is := strings.CutPrefix(l, line+":"); is {
			kib, err := strconv.ParseFloat(strings.Fields(value)[0], 64)
			return kib * 1024 / 1e6, err
		}
	}
	return 0, fmt.Errorf("/proc/PID/status has no line %s", line)
}

// counter returns the value of a metric without labels.
func (d *daemon) counter(name string) (string, error) {
	resp, err := http.Get("http://" + d.admin + "/metrics")
	if err != nil {
		return "", fmt.Errorf("reading the daemon's metrics: %w", err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if value, is := strings.CutPrefix(lines.Text(), name+" "); is {
			return value, nil
		}
	}
	return "", fmt.Errorf("the daemon has no metric %s", name)
}

// version measures the empty call: it reaches the service and does nothing.
func (d *daemon) version(ctx context.Context) (time.Duration, error) {
	begin := time.Now()
	_, err := d.client.Version(ctx, &pb.VersionRequest{Version: "v1alpha1"})
	return time.Since(begin), err
}

// mount measures one mount, requested as by the driver.
func (d *daemon) mount(ctx context.Context, request *pb.MountRequest) (time.Duration, error) {
	begin := time.Now()
	_, err := d.client.Mount(ctx, request)
	return time.Since(begin), err
}
