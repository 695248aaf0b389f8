// SPDX-License-Identifier: Apache-2.0

// Package server serves the Secrets Store CSI driver: gRPC on a unix socket, status codes,
// health, metrics and the audit line.
//
// No other package of the daemon knows protobuf and gRPC. The Mounter does the mounts.
package server

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/experimental"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"k8s.io/klog/v2"

	"ovhcloud-csi-provider/provider"
	"ovhcloud-csi-provider/provider/budget"
	"ovhcloud-csi-provider/server/events"
	"ovhcloud-csi-provider/server/fairhttp"
	"ovhcloud-csi-provider/server/lines"
	"ovhcloud-csi-provider/server/socket"
	"ovhcloud-csi-provider/server/tasks"
	"ovhcloud-csi-provider/server/tracing"
)

// RuntimeName is the name of this program for the driver.
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
	// Metrics are served on the admin address.
	Metrics *Metrics
	// AdminAddress is host:port for health, readiness and metrics. Empty serves none.
	AdminAddress string
	// MountTimeout bounds one mount. 0 means 45 s.
	MountTimeout time.Duration
	// Version is this program's, as semver without a v.
	Version string
	// Budget is the memory that mounts share. nil means a new one of
	// budget.DefaultLimit.
	Budget *budget.Budget
	// Connections returns the state of the provider's connections, for readiness and
	// metrics. nil means that it has none.
	Connections func() provider.ConnectionsStatus
	// LogLost returns how many lines of the log were lost, for metrics. nil means that none
	// can be.
	LogLost func() lines.Lost
	// Breakers returns how many circuit breakers are open and half-open, for metrics. nil has
	// no such metrics.
	Breakers func() (opened, halfOpened int)
	// Audit gets a record of each mount. nil means that none are written.
	Audit *lines.Queue
	// Events gets each mount, to write events of pods. nil means that none are written. The
	// caller runs it.
	Events *events.Recorder
	// Tracer makes a span of each mount. nil means that none are made. The caller runs it.
	Tracer *tracing.Tracer
}

// Server serves the socket of the driver and the admin address.
type Server struct {
	config      Config
	first       *socket.Socket // the one of Listen
	socket      *socket.Socket // the newest; of keepSocket while that runs
	again       sync.WaitGroup // serves the sockets after the first
	admin       net.Listener
	grpc        *grpc.Server
	draining    atomic.Bool
	socketCheck cachedCheck
	overdue     overdue
}

// Listen opens the socket and the admin address. From then on callers wait and do not
// fail, so the caller must call Run or run Tasks.
func Listen(c Config) (*Server, error) {
	admin, err := listenAdmin(c.AdminAddress)
	if err != nil {
		return nil, err
	}
	socket, err := socket.Listen(c.Socket)
	if err != nil {
		if admin != nil {
			err = errors.Join(err, admin.Close())
		}
		return nil, err
	}
	s := newServer(c)
	s.first, s.socket, s.admin = socket, socket, admin
	return s, nil
}

// newServer makes the gRPC server of a config, which serves nothing yet.
func newServer(c Config) *Server {
	if c.MountTimeout <= 0 {
		c.MountTimeout = 45 * time.Second
	}
	if c.Budget == nil {
		c.Budget = budget.New(0)
	}
	c.Metrics.connectionStates.status, c.Metrics.lost.log = c.Connections, c.LogLost
	c.Metrics.state.budget, c.Metrics.state.breakers = c.Budget, c.Breakers
	s := &Server{config: c}
	mounts := &service{mounter: c.Mounter, timeout: c.MountTimeout, version: c.Version, metrics: c.Metrics,
		budget: c.Budget, overdue: &s.overdue,
		begin: untraced, observers: []func(record){c.Metrics.observeMount, logMount}}
	if c.Audit != nil {
		c.Metrics.lost.audit = c.Audit.Lost
		mounts.observers = append(mounts.observers, auditTo(c.Audit, time.Now))
	}
	if c.Events != nil {
		c.Metrics.events.counts = c.Events.Counts
		mounts.observers = append(mounts.observers, eventsTo(c.Events))
	}
	if c.Tracer != nil {
		c.Metrics.lost.spans, mounts.begin = c.Tracer.Lost, tracedBy(c.Tracer)
	}
	s.grpc = grpc.NewServer(
		// gRPC itself answers a longer message with ResourceExhausted. If a client sends
		// too many pings, gRPC closes the connection, which is Unavailable. See codeOf.
		grpc.MaxRecvMsgSize(math.MaxInt32),
		grpc.StaticStreamWindowSize(64<<10), // so much of a message is in memory before it is read
		// So many requests may wait to be read, which is a short time. The driver has one
		// connection, and holds further requests back until then.
		streamLimit(c.Budget.Unread()),
		grpc.MaxHeaderListSize(64<<10),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Second, PermitWithoutStream: true}),
		grpc.InTapHandle(mounts.admit),
		grpc.ChainUnaryInterceptor(onlyFinalCodes),
		grpc.ForceServerCodecV2(newCodec()),
		experimental.BufferPool(buffers),
		// Buffers of the connection would keep the last requests and answers.
		grpc.ReadBufferSize(0),
		grpc.WriteBufferSize(0),
		grpc.StatsHandler(brokenConns{}),
	)
	s.grpc.RegisterService(description(), mounts)
	healthpb.RegisterHealthServer(s.grpc, health{server: s})
	return s
}

// ServeOn serves mounts on a listener until ctx is done, then finishes the mounts in
// progress, each within its time. It serves the metrics on admin; nil means nowhere. It has
// no socket of its own, so it needs neither files nor a network: tests in simulated time
// serve in memory.
func ServeOn(ctx context.Context, c Config, l, admin net.Listener) error {
	s := newServer(c)
	serve := func() error {
		if err := s.serve(l); !errors.Is(err, grpc.ErrServerStopped) {
			return err
		}
		return nil
	}
	list := []tasks.Task{{Name: "serving in memory", Run: serve, Interrupt: s.drain}}
	if admin != nil {
		list = append(list, adminTask(fairhttp.Limit(admin), s.adminHandler()))
	}
	return tasks.Run(ctx, list...)
}

// serve serves gRPC on a listener, until the server is stopped.
func (s *Server) serve(l net.Listener) error {
	return s.grpc.Serve(fewerStreams{Listener: l, most: s.config.Budget.Unread()})
}

// AdminAddress returns where the admin address listens, or "" if it does not.
func (s *Server) AdminAddress() string {
	if s.admin == nil {
		return ""
	}
	return s.admin.Addr().String()
}

// Serves returns nil if the service answers on the path of the socket, else why it does not.
func (s *Server) Serves() error { return s.socketCheck.result(s.askSocket) }

// Run serves until ctx is done, then finishes the mounts in progress, each within its
// time, and returns nil. It returns early only if serving fails.
func (s *Server) Run(ctx context.Context) error { return tasks.Run(ctx, s.Tasks()...) }

// Tasks returns what Run runs, in the order in which it ends: the admin address and this
// container's own probes are answered until the last mount has ended. It must be called
// once.
func (s *Server) Tasks() []tasks.Task {
	list := []tasks.Task{
		tasks.Until("keeping the socket", s.keepSocket),
		tasks.Until("removing the socket", s.removeSocket),
		{Name: "serving the socket", Run: s.serveSocket, Interrupt: s.drain},
	}
	if s.admin != nil {
		list = append(list, adminTask(s.admin, s.adminHandler()))
	}
	if own := s.listenOwn(); own != nil {
		list = append(list, ownTask(own, s.ready))
	}
	return list
}

// removeSocket waits for ctx, and removes the newest socket from its path.
func (s *Server) removeSocket(ctx context.Context) error {
	<-ctx.Done()
	s.draining.Store(true)
	klog.InfoS("shutting down: mounts in progress are served to their end")
	return s.socket.Release()
}

// serveSocket serves gRPC on the first socket until drain.
func (s *Server) serveSocket() error {
	klog.InfoS("serving", "socket", s.config.Socket, "admin", s.AdminAddress(), "version", s.config.Version)
	err := s.serve(s.first)
	if errors.Is(err, grpc.ErrServerStopped) { // drain came first
		return nil
	}
	return err
}

// keepSocket serves at the path again if no daemon does: a newer daemon took it over and
// has ended before this one, as when a rolling update is undone, or it died. It ends with
// ctx.
func (s *Server) keepSocket(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if s.socket.IsThere() {
			continue
		}
		again, err := socket.ListenIfGone(s.config.Socket)
		if errors.Is(err, fs.ErrExist) {
			continue // a newer daemon serves
		}
		if err != nil {
			klog.ErrorS(err, "the socket is gone and cannot be made again", "socket", s.config.Socket)
			continue
		}
		klog.InfoS("the socket was gone: serving it again", "socket", s.config.Socket)
		s.socket = again
		// It fails only after the server was stopped.
		s.again.Go(func() { _ = s.serve(again) })
	}
}

// drain ends the gRPC server. Every mount ends within its time; one that does not is a
// fault of this program, and must not keep the process from ending.
func (s *Server) drain() {
	late := time.AfterFunc(s.config.MountTimeout+5*time.Second, s.grpc.Stop)
	defer late.Stop()
	s.grpc.GracefulStop()
	s.again.Wait()
}
