// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"ovhcloud-csi-provider/provider/connections"
	"ovhcloud-csi-provider/server"
	"ovhcloud-csi-provider/test/harness"
)

func TestAnyHealthClientIsAnswered(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, harness.Options{})
	conn, err := grpc.NewClient("unix:"+d.Socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	client := healthpb.NewHealthClient(conn)
	for _, service := range []string{"", "live", "ready"} {
		resp, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{Service: service})
		if err != nil || resp.GetStatus() != healthpb.HealthCheckResponse_SERVING {
			t.Errorf("%q: %v, %v", service, resp, err)
		}
	}
	_, err = client.Check(t.Context(), &healthpb.HealthCheckRequest{Service: "raedy"})
	harness.WantError(t, err, codes.NotFound, "unknown service; available: live, ready")
	watch, err := client.Watch(t.Context(), &healthpb.HealthCheckRequest{})
	if err == nil {
		_, err = watch.Recv()
	}
	if status.Code(err) != codes.Unimplemented {
		t.Errorf("watch: %v", err)
	}
}

func TestAProbeOfReadinessShowsTheReasonsOfReadyz(t *testing.T) {
	t.Parallel()
	d, ids := harness.StartWithConnections(t)
	if err := server.ProbeReady(t.Context(), d.Socket); err != nil {
		t.Error(err)
	}
	before := ids.Reloads()
	ids.Credential(t, "team", map[string]string{"token": harness.HeldToken + "\nsecond line"})
	ids.Credential(t, "other", map[string]string{"token": ""})
	for _, name := range []string{"team", "other"} {
		ids.Await(t, before, func(r connections.Reload) bool { return r.Connection == name && r.Err != nil })
	}
	err := server.ProbeReady(t.Context(), d.Socket)
	if err == nil || strings.Count(err.Error(), "\n") > 0 || strings.Contains(err.Error(), harness.HeldToken) {
		t.Fatalf("got %v", err)
	}
	for _, part := range []string{
		"the daemon on " + d.Socket + " is not ready: ",
		`connection "other": `, `; connection "team": ` + ids.Root + "/team: token has white space",
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("got %v, which lacks %s", err, part)
		}
	}
	if err := server.ProbeLive(t.Context(), d.Socket); err != nil {
		t.Errorf("liveness fails because of an invalid credential: %v", err)
	}
}

// listenAs accepts connections at a new path and gives each to serve.
func listenAs(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	path := harness.SocketPath(t)
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = c.Close() })
			serve(c)
		}
	}()
	return path
}

func deadSocket(t *testing.T) string {
	t.Helper()
	path := harness.SocketPath(t)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: path})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// brokenHealth answers each check with an error.
type brokenHealth struct {
	healthpb.UnimplementedHealthServer
}

func (brokenHealth) Check(context.Context, *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	return nil, status.Error(codes.Internal, "a fault\nof two lines")
}

// serveGRPC serves gRPC at a new path until the test ends.
func serveGRPC(t *testing.T, register func(*grpc.Server)) string {
	t.Helper()
	path := harness.SocketPath(t)
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	register(s)
	t.Cleanup(s.Stop)
	go func() { _ = s.Serve(l) }()
	return path
}

func TestTheErrorsOfProbes(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const missed = "there is no socket PATH: the daemon does not serve it, or --endpoint names another path"
	const hungUp = "the daemon on PATH closed the connection without an answer, or it does not speak gRPC"
	missing := filepath.Join(t.TempDir(), "none.sock")
	for _, c := range []struct{ socket, want string }{
		{missing, missed},
		{filepath.Join(missing, "s"), missed},
		{file, "PATH is not a socket; give the path that the daemon serves as --endpoint"},
		{filepath.Join(file, "s"), "cannot connect to PATH: dial unix PATH: connect: not a directory"},
		{deadSocket(t), "no process listens on PATH: its daemon has ended without removing it"},
		{listenAs(t, func(net.Conn) {}), "the daemon on PATH accepted the connection and did not answer in time"},
		{listenAs(t, func(c net.Conn) { _ = c.Close() }), hungUp},
		{listenAs(t, func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n") }), hungUp},
		{serveGRPC(t, func(*grpc.Server) {}), "the daemon on PATH has no health service: it is an older version"},
		{serveGRPC(t, func(s *grpc.Server) { healthpb.RegisterHealthServer(s, brokenHealth{}) }),
			"the daemon on PATH answered with an error: a fault; of two lines"},
	} {
		probes := map[string]func(context.Context, string) error{"live": server.ProbeLive, "ready": server.ProbeReady}
		for name, probe := range probes {
			t.Run(name+": "+c.want, func(t *testing.T) {
				t.Parallel()
				patience := 20 * time.Second
				if strings.HasSuffix(c.want, "in time") {
					patience = 300 * time.Millisecond
				}
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				err := probe(ctx, c.socket)
				if want := strings.ReplaceAll(c.want, "PATH", c.socket); err == nil || err.Error() != want {
					t.Errorf("got  %v\nwant %s", err, want)
				}
			})
		}
	}
}

func TestAProbeDoesNotWaitForAFullQueue(t *testing.T) {
	t.Parallel()
	path := harness.SocketPath(t)
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		c, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
		if err != nil {
			break
		}
		defer c.Close()
	}
	if ctx.Err() != nil {
		t.Skip("the queue of this system is too long to fill")
	}
	wanted := fmt.Sprintf("the daemon on %s does not accept connections, and its queue of them is full", path)
	if err := server.ProbeLive(ctx, path); err == nil || err.Error() != wanted {
		t.Errorf("got %v", err)
	}
}
