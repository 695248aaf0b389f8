// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// ProbeLive asks the daemon that serves socket whether it is alive. It returns nil if
// it is; otherwise an error of one line that says what is wrong. It ends with ctx, which
// should have a deadline.
func ProbeLive(ctx context.Context, socket string) error {
	conn, err := dialProbe(ctx, socket)
	if err != nil {
		return err
	}
	defer conn.Close()
	return askHealth(ctx, conn, socket, healthLive)
}

// ProbeReady is like ProbeLive and asks whether this container's daemon is ready. While
// a rolling update runs two pods on a node, the newer one must not be ready because the
// older one still serves. So on Linux, if the process that serves the socket is not in
// the PID namespace of this process, this container's own daemon is asked instead.
func ProbeReady(ctx context.Context, socket string) error {
	conn, err := dialProbe(ctx, socket)
	if err != nil {
		return err
	}
	defer conn.Close()
	switch visible, err := peerIsVisible(conn); {
	case err != nil:
		return fmt.Errorf("cannot tell which process serves %s: %w", socket, err)
	case !visible:
		return askOwn(ctx, socket)
	}
	return askHealth(ctx, conn, socket, healthReady)
}

// dialProbe connects to the socket. Its errors name the cause.
func dialProbe(ctx context.Context, socket string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	switch {
	case err == nil:
		return conn, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("there is no socket %s: the daemon does not serve it, or --endpoint names another path",
			socket)
	case errors.Is(err, syscall.ECONNREFUSED):
		if info, err := os.Lstat(socket); err == nil && info.Mode().Type() != fs.ModeSocket {
			return nil, fmt.Errorf("%s is not a socket; give the path that the daemon serves as --endpoint", socket)
		}
		return nil, fmt.Errorf("no process listens on %s: its daemon has ended without removing it", socket)
	case errors.Is(err, syscall.EAGAIN):
		return nil, fmt.Errorf("the daemon on %s does not accept connections, and its queue of them is full", socket)
	}
	return nil, fmt.Errorf("cannot connect to %s: %w", socket, err)
}

// askHealth asks the health service over conn.
func askHealth(ctx context.Context, conn net.Conn, socket, service string) error {
	client, err := grpc.NewClient("passthrough:///daemon", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithAuthority("localhost"), grpc.WithDisableServiceConfig(), grpc.WithContextDialer(once(conn)))
	if err != nil {
		return err
	}
	defer client.Close()
	var trailer metadata.MD
	question := &healthpb.HealthCheckRequest{Service: service}
	resp, err := healthpb.NewHealthClient(client).Check(ctx, question, grpc.Trailer(&trailer))
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("the daemon on %s accepted the connection and did not answer in time", socket)
	case status.Code(err) == codes.Unimplemented:
		return fmt.Errorf("the daemon on %s has no health service: it is an older version", socket)
	case status.Code(err) == codes.Unavailable:
		return fmt.Errorf("the daemon on %s closed the connection without an answer, or it does not speak gRPC", socket)
	case err != nil:
		return fmt.Errorf("the daemon on %s answered with an error: %s", socket, oneLine(status.Convert(err).Message()))
	case resp.GetStatus() != healthpb.HealthCheckResponse_SERVING:
		reason := strings.Join(trailer.Get(reasonKey), "; ")
		if reason == "" {
			reason = "it gives no reason (" + resp.GetStatus().String() + ")"
		}
		return fmt.Errorf("the daemon on %s is not %s: %s", socket, service, oneLine(reason))
	}
	return nil
}

// once returns a dialer that returns conn the first time. gRPC dials again when a
// connection fails, which a probe must not wait for.
func once(conn net.Conn) func(context.Context, string) (net.Conn, error) {
	first := make(chan net.Conn, 1)
	first <- conn
	return func(context.Context, string) (net.Conn, error) {
		select {
		case c := <-first:
			return c, nil
		default:
			return nil, errors.New("the connection failed")
		}
	}
}

// oneLine returns text with its line breaks replaced.
func oneLine(text string) string {
	return strings.ReplaceAll(strings.TrimSpace(text), "\n", "; ")
}
