// Command bench measures the daemon as a process against the emulator over TLS
// with a set delay, and prints what a mount costs as ratios to floors taken in
// the same run. With -write it puts the table into a page of the documentation.
//
// It judges: the exit status is 1 if a figure is missed. It measures the daemon
// only; the emulator and the callers run on the same processors.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	os.Exit(run(ctx))
}

func run(ctx context.Context) int {
	delay := flag.Duration("delay", 20*time.Millisecond, "how long the store takes to answer")
	rounds := flag.Int("rounds", 9, "how often each case is measured; the median counts")
	page := flag.String("write", "", "a `page` to put the table into, between its markers")
	program := flag.String("daemon", "", "the `program` to measure; built from source if empty")
	flag.Parse()
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
	if *page != "" {
		if err := replace(*page, text); err != nil {
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
