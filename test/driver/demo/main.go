// SPDX-License-Identifier: Apache-2.0

// Command demo shows the provider at work on one machine, without a cluster and without an account. The daemon, the
// Secrets Store CSI driver and the files are real; Secret Manager is the emulator, and the Kubernetes API is in memory.
//
// It takes no arguments. The exit code is 0, or 130 after Ctrl-C, or 1 if a step failed. In each case it has stopped
// its processes, unmounted the volumes and removed its temporary folder.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"ovhcloud-csi-provider/test/driver"
)

func main() {
	if len(os.Args) > 1 {
		fmt.Fprintln(os.Stderr,
			"demo takes no arguments. It shows the provider at work on this machine, and removes everything that it created.")
		os.Exit(2)
	}
	os.Exit(driver.Isolated(func() int {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
		defer stop()
		// A closed pipe (`make demo | head`) must not end the demo before it has cleaned up.
		signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
		return run(ctx, os.Stdout, os.Stderr)
	}))
}

// run runs the demo and returns the exit code.
func run(ctx context.Context, stdout, stderr io.Writer) int {
	began := time.Now()
	driver.LogTo(io.Discard)
	d := &demo{page: page{out: stdout}}
	err := d.play(ctx)
	interrupted := ctx.Err() != nil
	if interrupted {
		fmt.Fprintln(stdout)
		d.say("Interrupted.")
		err = nil // the error of the interrupted step
	}
	cleaning := d.cleanUp()
	if err := errors.Join(err, cleaning); err != nil {
		fmt.Fprintf(stderr, "demo: %v\n", err)
	}
	switch {
	case interrupted && cleaning == nil:
		return 130
	case err != nil || cleaning != nil:
		return 1
	}
	d.say("Done in %.1f seconds.", time.Since(began).Seconds())
	return 0
}
