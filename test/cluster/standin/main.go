// Command standin plays the small programs of a Kubernetes node whose own images cannot be pulled on a machine without
// a container registry: pause, node-driver-registrar and livenessprobe. It is for test/cluster alone: it does what
// kubelet and the driver's chart need of them, and no more.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// Also as process 1 of a sandbox, where a signal without a handler has no effect.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "standin:", err)
		os.Exit(1)
	}
}

// run plays the part that args[0] names until ctx ends.
func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("want pause, registrar or livenessprobe, and its flags")
	}
	switch part := args[0]; part {
	case "pause":
		<-ctx.Done()
		return nil
	case "registrar":
		return registrar(ctx, args[1:])
	case "livenessprobe":
		return livenessProbe(ctx, args[1:])
	default:
		return fmt.Errorf("there is no part %q", part)
	}
}
