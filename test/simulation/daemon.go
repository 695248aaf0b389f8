// SPDX-License-Identifier: Apache-2.0

package simulation

import (
	"context"
	"net"
	"path/filepath"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	pb "sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1"

	"ovhcloud-csi-provider/provider"
	"ovhcloud-csi-provider/provider/budget"
	"ovhcloud-csi-provider/provider/connections"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/server"
	"ovhcloud-csi-provider/test/memnet"
)

// daemon is one life of the real server and provider.
type daemon struct {
	n        int
	provider *provider.Provider
	set      *connections.Set // nil without a file of connections
	budget   *budget.Budget
	client   pb.CSIDriverProviderClient
	conn     *grpc.ClientConn
	stop     context.CancelFunc
	stopped  chan struct{} // closed when the last mount has ended and all is closed
	closed   bool          // no reload any more; only the goroutine of the history uses it

	view view // under w.mu
}

// driverConfig is the service config of the driver: it waits for the socket, and retries
// UNAVAILABLE.
const driverConfig = `{"methodConfig":[{"name":[{"service":"v1alpha1.CSIDriverProvider"}],"waitForReady":true,` +
	`"retryPolicy":{"MaxAttempts":3,"InitialBackoff":"1s","MaxBackoff":"10s","BackoffMultiplier":2,` +
	`"RetryableStatusCodes":["UNAVAILABLE"]}}]}`

// startDaemon starts a daemon, which is the one that the driver calls from now on.
func (w *world) startDaemon() {
	n := len(w.daemons) + 1
	var urls []string
	for _, s := range w.sites {
		l := w.network.listen(s.host, n)
		w.serve(s, l)
		urls = append(urls, s.url())
	}
	endpoints, err := place.ParseEndpoints(urls)
	w.must(err)
	d := &daemon{n: n, budget: budget.New(64 << 20), stopped: make(chan struct{})}
	if w.operator.file != "" {
		d.set = connections.Open(connections.Options{File: filepath.Join(w.dir, "connections.yaml"), CacheTTL: w.TTL,
			Notify: w.reloaded, Now: w.clock})
		d.view = view{}.next(w.operator)
	}
	metrics := server.NewMetrics("0.0.0-simulation")
	d.provider = provider.New(provider.Config{Endpoints: endpoints, Connections: d.set, Reader: provider.ReaderConfig{
		MaxReads: w.Reads, CacheTTL: w.TTL, CacheBytes: w.Cache, MaxStale: w.Stale, Budget: d.budget,
		Trace: metrics.Trace(server.LogCall), Now: w.clock, Dial: w.network.dialer(n), Jitter: w.jitter}})
	listener := memnet.Listen("socket")
	var ctx context.Context
	ctx, d.stop = context.WithCancel(context.Background())
	go d.run(ctx, server.Config{Mounter: d.provider, Metrics: metrics, Budget: d.budget, Version: "0.0.0-simulation"},
		listener)
	d.conn, err = grpc.NewClient("passthrough:///socket", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithAuthority("localhost"), grpc.WithDefaultServiceConfig(driverConfig),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.Dial(ctx) }))
	w.must(err)
	d.client = pb.NewCSIDriverProviderClient(d.conn)
	w.mu.Lock()
	w.daemons = append(w.daemons, d)
	w.mu.Unlock()
}

// run serves until ctx ends, as the daemon's main does.
func (d *daemon) run(ctx context.Context, c server.Config, l *memnet.Listener) {
	defer close(d.stopped)
	sweeping, end := context.WithCancel(context.Background())
	go d.provider.Run(sweeping)
	_ = server.ServeOn(ctx, c, l, nil)
	end()
	d.provider.Close()
	_ = l.Close()
}

// current returns the daemon that the driver calls.
func (w *world) current() *daemon {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.daemons[len(w.daemons)-1]
}

// handOver starts a new daemon; the older one ends the mounts in progress and goes.
func (w *world) handOver() {
	before := w.current()
	w.startDaemon()
	before.stop()
}

// end ends the daemons, and waits for them.
func (w *world) endDaemons() {
	for _, d := range w.daemons {
		d.stop()
		<-d.stopped
		d.closed = true
		_ = d.conn.Close()
	}
}

// ballast takes memory of a stage of the current daemon for a time, as mounts of other
// namespaces do.
func (w *world) ballast(stage int, d time.Duration) {
	of := w.current()
	from := w.now()
	a, b := of.budget.Open("ballast-a"), of.budget.Open("ballast-b")
	for piece := of.budget.Parts[stage] / 4; piece > 64; piece /= 2 {
		for a.Take(stage, piece) || b.Take(stage, piece) {
		}
	}
	w.after(d, func() {
		a.Close()
		b.Close()
		w.pressed(of.n, from)
	})
}
