// SPDX-License-Identifier: Apache-2.0

// Command standin replaces three small programs of a Kubernetes node, pause, node-driver-registrar and livenessprobe,
// whose images cannot be pulled without a container registry. Only test/cluster uses it: it does what kubelet and the
// driver's chart need, and no more.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// It may be process 1 of a sandbox, where a signal without a handler has no effect.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "standin:", err)
		os.Exit(1)
	}
}

// run runs the program that args[0] names until ctx ends.
func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("missing program; available: pause, registrar, livenessprobe")
	}
	switch program := args[0]; program {
	case "pause":
		<-ctx.Done()
		return nil
	case "registrar":
		return registrar(ctx, args[1:])
	case "livenessprobe":
		return livenessProbe(ctx, args[1:])
	default:
		return fmt.Errorf("unknown program %q; available: pause, registrar, livenessprobe", program)
	}
}
