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
	"syscall"

	// The image is built from scratch: where the system has no certificate
	// authorities, these of Mozilla serve.
	_ "golang.org/x/crypto/x509roots/fallback"
	"k8s.io/klog/v2"

	"ovhcloud-csi-provider/provider"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/server"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the daemon's life until ctx is done. It returns the exit status: 0 after
// a clean stop, 1 if serving failed, 2 for wrong flags.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	okms.ClearEnvironment()
	f, err := parseFlags(args)
	switch {
	case err != nil:
		fmt.Fprintf(stderr, "%s: %s\n", server.RuntimeName, err)
		return 2
	case f.help != "":
		fmt.Fprint(stdout, f.help)
		return 0
	case f.showVersion:
		fmt.Fprintln(stdout, version())
		return 0
	}
	defer startLogging(f.logFormat, stderr)()
	if err := serve(ctx, f); err != nil {
		klog.ErrorS(err, "cannot serve")
		return 1
	}
	return 0
}

func serve(ctx context.Context, f flags) error {
	if err := noCoreDumps(); err != nil {
		return err
	}
	metrics := server.NewMetrics(version())
	mounts := provider.New(provider.Config{
		Endpoints: f.endpoints,
		MaxReads:  f.maxReads,
		UserAgent: server.RuntimeName + "/" + version(),
		Observe:   metrics.ObserveCall,
	})
	defer mounts.Close()
	s, err := server.Listen(server.Config{
		Socket:       f.socket,
		Mounter:      mounts,
		Metrics:      metrics,
		AdminAddress: f.adminAddress,
		MountTimeout: f.mountTimeout,
		Version:      version(),
	})
	if err != nil {
		return err
	}
	return s.Run(ctx)
}

// noCoreDumps keeps secrets in memory from reaching a disk when the process
// crashes.
func noCoreDumps() error {
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}); err != nil {
		return fmt.Errorf("turning core dumps off: %w", err)
	}
	return nil
}
