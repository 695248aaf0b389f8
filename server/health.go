// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// The services that the health service knows. The empty name also means liveness.
const (
	healthLive  = "live"
	healthReady = "ready"
)

// reasonKey is the trailer with the reason of an answer that is not SERVING. The
// protocol has no field for it. The suffix lets it hold any bytes.
const reasonKey = "reason-bin"

// maxReason bounds a reason in bytes: gRPC bounds the size of all trailers.
const maxReason = 4 << 10

// health is the standard gRPC health service, without its streaming call. It starts no
// goroutine and takes no lock that a mount may hold.
type health struct {
	healthpb.UnimplementedHealthServer
	server *Server
}

// Check implements the health service.
func (h health) Check(ctx context.Context, in *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	var err error
	switch in.GetService() {
	case "", healthLive:
		err = h.server.live()
	case healthReady:
		err = h.server.ready()
	default:
		return nil, status.Error(codes.NotFound, "unknown service; available: "+healthLive+", "+healthReady)
	}
	if err != nil {
		// This fails only outside of a call, in a test. The status is the answer.
		_ = grpc.SetTrailer(ctx, metadata.Pairs(reasonKey, bounded(err.Error(), maxReason)))
		return &healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_NOT_SERVING}, nil
	}
	return &healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_SERVING}, nil
}

// live returns why the process must be restarted, or nil. It does not check the socket:
// the question came through it.
func (s *Server) live() error { return s.overdue.err() }

// ready returns why the process is not ready, or nil.
func (s *Server) ready() error {
	if s.draining.Load() {
		return fmt.Errorf("shutting down")
	}
	return errors.Join(s.live(), s.askConnections())
}

// bounded returns text, cut to n bytes if it is longer. It does not cut characters.
func bounded(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "")
}
