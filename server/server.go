// Package server serves the Secrets Store CSI driver: gRPC on a unix socket,
// status codes, health, metrics and the audit line.
//
// It ends the vocabulary of protobuf and gRPC: what a mount means is the
// Mounter's matter.
package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"k8s.io/klog/v2"

	"ovhcloud-csi-provider/provider"
	"ovhcloud-csi-provider/provider/budget"
)

// RuntimeName is what the driver is told this program is.
const RuntimeName = "ovhcloud-csi-provider"

// Mounter does mounts; *provider.Provider is one.
type Mounter interface {
	Mount(context.Context, provider.Request) (provider.Response, error)
}

// Config of a Server. Socket, Mounter and Metrics are required.
type Config struct {
	// Socket is the path of the unix socket.
	Socket string
	// Mounter does the mounts.
	Mounter Mounter
	// Metrics are counted up and served.
	Metrics *Metrics
	// AdminAddress is host:port for health, readiness and metrics. Empty serves none.
	AdminAddress string
	// MountTimeout bounds one mount. 0 means 45 s.
	MountTimeout time.Duration
	// Version is this program's, as semver without a v.
	Version string
	// Budget is the memory that mounts share; nil is one of its own, of
	// budget.DefaultLimit.
	Budget *budget.Budget
	// Connections gives the state of the provider's connections, for readiness and
	// metrics. nil stands for a provider that has none.
	Connections func() provider.ConnectionsStatus
}

// Server is one daemon's sockets.
type Server struct {
	config   Config
	socket   *socket
	admin    net.Listener
	grpc     *grpc.Server
	draining atomic.Bool
	probe    probe
	overdue  overdue
}

// Listen opens the sockets: from here on callers wait rather than fail. Run
// must be called then.
func Listen(c Config) (*Server, error) {
	if c.MountTimeout <= 0 {
		c.MountTimeout = 45 * time.Second
	}
	if c.Budget == nil {
		c.Budget = budget.New(0)
	}
	admin, err := listenAdmin(c.AdminAddress)
	if err != nil {
		return nil, err
	}
	socket, err := listen(c.Socket)
	if err != nil {
		if admin != nil {
			err = errors.Join(err, admin.Close())
		}
		return nil, err
	}
	if c.Connections != nil {
		c.Metrics.registry.MustRegister(connectionMetrics{c.Connections})
	}
	s := &Server{config: c, socket: socket, admin: admin}
	mounts := &service{mounter: c.Mounter, timeout: c.MountTimeout, version: c.Version, metrics: c.Metrics, budget: c.Budget, overdue: &s.overdue}
	s.grpc = grpc.NewServer(
		// Above the size gRPC itself answers ResourceExhausted, and to too many pings
		// it hangs up, which is Unavailable to the caller: see codeOf.
		grpc.MaxRecvMsgSize(math.MaxInt32),
		grpc.StaticStreamWindowSize(64<<10), // of what nobody reads, no more is in memory
		// So many requests have room before they are looked at, which is soon. The driver has
		// one connection, and holds further ones back until then.
		grpc.MaxConcurrentStreams(uint32(c.Budget.Unread())),
		grpc.MaxHeaderListSize(64<<10),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Second, PermitWithoutStream: true}),
		grpc.InTapHandle(mounts.admit),
		grpc.ChainUnaryInterceptor(onlyFinalCodes),
		grpc.ForceServerCodecV2(newCodec()),
		grpc.StatsHandler(connections{}),
	)
	s.grpc.RegisterService(description(), mounts)
	healthpb.RegisterHealthServer(s.grpc, health{server: s})
	return s, nil
}

// AdminAddress is where the admin server listens, "" if it does not.
func (s *Server) AdminAddress() string {
	if s.admin == nil {
		return ""
	}
	return s.admin.Addr().String()
}

// Run serves until ctx is done, then lets the mounts under way end, each within
// its time, and returns nil. It returns early only if serving fails.
func (s *Server) Run(ctx context.Context) error {
	failed := make(chan error, 2)
	var serving, keeping sync.WaitGroup
	first := s.socket // keepSocket may set another one
	serving.Go(func() { failed <- s.grpc.Serve(first) })
	stopAdmin := s.serveAdmin(&serving, failed)
	stopOwn := s.serveOwn(&serving)
	ctx, stopKeeping := context.WithCancel(ctx)
	keeping.Go(func() { s.keepSocket(ctx, &serving) })
	klog.InfoS("serving", "socket", s.config.Socket, "admin", s.AdminAddress(), "version", s.config.Version)
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	stopKeeping()
	keeping.Wait()
	s.draining.Store(true)
	klog.InfoS("shutting down: mounts under way are served to their end")
	err = errors.Join(err, s.socket.release())
	s.drain()
	stopAdmin()
	stopOwn()
	serving.Wait()
	return err
}

// keepSocket serves at the path again if nobody else does: a newer daemon took it
// over and has ended before this one, as when a rolling update is undone, or died.
func (s *Server) keepSocket(ctx context.Context, serving *sync.WaitGroup) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if s.socket.isThere() {
			continue
		}
		again, err := listenIfGone(s.config.Socket)
		if errors.Is(err, fs.ErrExist) {
			continue // a newer one serves
		}
		if err != nil {
			klog.ErrorS(err, "the socket is gone and cannot be made again", "socket", s.config.Socket)
			continue
		}
		klog.InfoS("the socket was gone: serving it again", "socket", s.config.Socket)
		s.socket = again
		// It fails only when the server has been stopped.
		serving.Go(func() { _ = s.grpc.Serve(again) })
	}
}

// drain ends the gRPC server. Every mount ends by itself within its time; what
// does not is a fault, and must not keep the process from ending.
func (s *Server) drain() {
	late := time.AfterFunc(s.config.MountTimeout+5*time.Second, s.grpc.Stop)
	defer late.Stop()
	s.grpc.GracefulStop()
}

// serveAdmin serves the admin address until the returned function is called.
func (s *Server) serveAdmin(serving *sync.WaitGroup, failed chan<- error) (stop func()) {
	if s.admin == nil {
		return func() {}
	}
	admin := newAdmin(s.adminHandler())
	serving.Go(func() {
		if err := admin.Serve(s.admin); !errors.Is(err, http.ErrServerClosed) {
			failed <- fmt.Errorf("serving --admin-address: %w", err)
		}
	})
	return func() { _ = admin.Close() }
}
