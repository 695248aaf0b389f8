// SPDX-License-Identifier: Apache-2.0

// Command ovhcloud-csi-provider is the daemon that the Secrets Store CSI driver
// asks for the secrets of OVHcloud Secret Manager: flags and wiring, nothing
// else.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	_ "golang.org/x/crypto/x509roots/fallback"
	"k8s.io/klog/v2"

	"ovhcloud-csi-provider/cmd/commandline"
	"ovhcloud-csi-provider/provider"
	"ovhcloud-csi-provider/provider/budget"
	"ovhcloud-csi-provider/provider/connections"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/server"
	"ovhcloud-csi-provider/server/lines"
	"ovhcloud-csi-provider/server/tasks"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run runs the daemon until ctx is done. It returns the exit status: 0 after a clean stop,
// 1 if serving failed, 2 for invalid flags or an invalid proxy variable.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	okms.ClearEnvironment()
	f, err := parseFlags(args)
	switch {
	case err != nil:
		fmt.Fprintf(stderr, "%s: %v (see --help)\n", server.RuntimeName, err)
		return 2
	case f.help != "":
		fmt.Fprint(stdout, f.help)
		return 0
	case f.showVersion:
		fmt.Fprintln(stdout, commandline.Version())
		return 0
	case f.probe != "":
		return runProbe(ctx, f.probe, f.socket, probeTimeout, stdout, stderr)
	case f.seccompFile != "":
		return runSeccompProfile(f.seccompFile, stdout, stderr)
	}
	if err := checkProxies(os.Getenv); err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", server.RuntimeName, err)
		return 2
	}
	memory := budget.New(tuneGC(cgroupLimits))
	share := memory.Log
	if f.auditLog != "" {
		share /= 2 // the audit has the other half
	}
	log, stop := startLogging(f.logFormat, stderr, share)
	defer stop()
	audit, stop, err := startAudit(f.auditLog, stdout, share)
	if err != nil {
		klog.ErrorS(err, "cannot open --audit-log")
		return 1
	}
	defer stop()
	if err := serve(ctx, f, memory, streams{log, audit}); err != nil {
		klog.ErrorS(err, "cannot serve")
		return 1
	}
	return 0
}

// streams are the queues of what the daemon writes. audit may be nil.
type streams struct{ log, audit *lines.Queue }

// serve serves mounts until ctx is done.
func serve(ctx context.Context, f flags, memory *budget.Budget, to streams) error {
	if err := noCoreDumps(); err != nil {
		return err
	}
	extra, err := openOptional(f)
	if err != nil {
		return err
	}
	metrics := server.NewMetrics(commandline.Version())
	connections, status := openConnections(f.config, f.cacheTTL)
	mounts := provider.New(provider.Config{
		Endpoints:   f.endpoints,
		Connections: connections,
		Reader: provider.ReaderConfig{
			MaxReads:   f.maxReads,
			CacheTTL:   f.cacheTTL,
			CacheBytes: f.cacheBytes,
			MaxStale:   f.maxStale,
			Budget:     memory,
			UserAgent:  server.RuntimeName + "/" + commandline.Version(),
			Trace:      extra.tracer.Observers(metrics.Trace(server.LogCall)),
		},
	})
	defer mounts.Close()
	s, err := server.Listen(server.Config{
		Socket:       f.socket,
		Mounter:      mounts,
		Metrics:      metrics,
		AdminAddress: f.adminAddress,
		MountTimeout: f.mountTimeout,
		Version:      commandline.Version(),
		Budget:       memory,
		Connections:  status,
		LogLost:      to.log.Lost,
		Breakers:     mounts.Breakers,
		Audit:        to.audit,
		Events:       extra.events,
		Tracer:       extra.tracer,
	})
	if err != nil {
		return err
	}
	// The tasks end in the order of the list. The connections come after the mounts, so that
	// the last mount still gets the newest credentials.
	list := s.Tasks()
	if connections != nil {
		list = append(list, background("watching the connections", connections.Run))
	}
	list = append(list, extra.tasks(f, s, status)...)
	pace := paceGC(memory)
	list = append(list, background("dropping unused secrets", mounts.Run),
		background("giving memory back", func(ctx context.Context) { giveMemoryBack(ctx, pace) }))
	return tasks.Run(ctx, list...)
}

// background returns a task that does not fail.
func background(name string, run func(context.Context)) tasks.Task {
	return tasks.Until(name, func(ctx context.Context) error { run(ctx); return nil })
}

// openConnections reads the file of --config. It returns nil if the flag is not given.
// Errors of the file do not keep the daemon from serving: they are logged and shown by
// /readyz.
func openConnections(file string, cacheTTL time.Duration) (*connections.Set, func() provider.ConnectionsStatus) {
	if file == "" {
		return nil, nil
	}
	c := connections.Open(connections.Options{File: filepath.Clean(file), CacheTTL: cacheTTL, Notify: server.LogReload})
	return c, c.Status
}
