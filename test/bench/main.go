// SPDX-License-Identifier: Apache-2.0

// Command bench measures the daemon, as a process, with the emulator over TLS and a fixed delay. It
// prints the cost of a mount as a ratio to floors that it measures in the same run. With -write it
// writes the table to a page of the documentation.
//
// The exit status is 1 if a figure exceeds its limit. Only the daemon is measured, but the emulator
// and the callers run on the same processors.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"ovhcloud-csi-provider/test/page"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	os.Exit(run(ctx))
}

func run(ctx context.Context) int {
	delay := flag.Duration("delay", 20*time.Millisecond, "how long the store takes to answer")
	rounds := flag.Int("rounds", 9, "how many times each case is measured; the table has the median")
	to := flag.String("write", "", "the `page` to write the table to, between its markers")
	program := flag.String("daemon", "", "the `program` to measure; built from source if empty")
	socket := flag.String("bare", "", "for bench itself: serve the floor of many mounts on this `socket`")
	flag.Parse()
	if *socket != "" {
		if err := serveBare(ctx, *socket); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			return 2
		}
		return 0
	}
	b, err := open(ctx, *program, *delay, *rounds)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 2
	}
	defer b.close()
	rows, err := b.all(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 2
	}
	text := b.heading() + table(rows)
	fmt.Print(text)
	if *to != "" {
		if err := page.Replace(*to, begin, text); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			return 2
		}
	}
	for _, r := range rows {
		if !r.reached() {
			return 1
		}
	}
	return 0
}
