// SPDX-License-Identifier: Apache-2.0

// Command demo shows the provider at work on one machine, without a cluster and without an account. The daemon, the
// Secrets Store CSI driver and the files are real; Secret Manager is the emulator, and the Kubernetes API is in memory.
//
// With -pause it waits for Enter after each step, and with -cast it records itself. The exit code is 0, or 130 after
// Ctrl-C, or 1 if a step failed. In each case it has stopped its processes, unmounted the volumes and removed its
// temporary folder.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"ovhcloud-csi-provider/test/driver"
)

func main() {
	pause := flag.Bool("pause", false, "wait for Enter after each step")
	recording := flag.String("cast", "", "record the demo to `FILE`, as an asciicast")
	if flag.Parse(); flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr,
			"demo takes flags only. It shows the provider at work on this machine, and removes everything that it created.")
		os.Exit(2)
	}
	os.Exit(driver.Isolated(*pause, func() int {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
		defer stop()
		// A closed pipe (`make demo | head`) must not end the demo before it has cleaned up.
		signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
		d := &demo{page: page{out: os.Stdout}}
		if *pause {
			d.pause = forEnter(os.Stdin, os.Stdout)
		}
		if *recording == "" {
			return run(ctx, d, os.Stderr)
		}
		file, err := os.Create(*recording)
		if err == nil {
			defer file.Close()
			d.recording, err = newCast(file, time.Now())
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "demo: %v\n", err)
			return 1
		}
		d.out = io.MultiWriter(os.Stdout, d.recording)
		return run(ctx, d, os.Stderr)
	}))
}

// forEnter returns a function that waits for a line of in, or for the end of in or of its context.
func forEnter(in io.Reader, out io.Writer) func(context.Context) {
	lines := make(chan struct{})
	go func() {
		defer close(lines)
		for text := bufio.NewScanner(in); text.Scan(); {
			lines <- struct{}{}
		}
	}()
	return func(ctx context.Context) {
		fmt.Fprint(out, "\n     Enter: next step")
		select {
		case <-lines:
		case <-ctx.Done():
		}
	}
}

// run plays the demo and returns the exit code.
func run(ctx context.Context, d *demo, stderr io.Writer) int {
	began := time.Now()
	driver.LogTo(io.Discard)
	err := d.play(ctx)
	interrupted := ctx.Err() != nil
	if interrupted {
		fmt.Fprintln(d.out)
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
