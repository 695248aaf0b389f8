// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"
)

// domain is the target of all tests. TestMain sets it.
var domain *target

func TestMain(m *testing.M) {
	flag.Parse()
	d, err := open(os.Getenv)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	domain = d
	if d.real {
		signal.Ignore(syscall.SIGPIPE) // a reader that is gone must not end the process before the removal
		fmt.Fprintf(d.out, "Everything is written below %s, and removed again.\n", d.folder)
		if skip := flag.Lookup("test.skip"); skip.Value.String() == "" {
			_ = skip.Value.Set("^TestSuite") // of the suite itself
		}
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
		go d.guard(signals, ownDeadline(flag.Lookup("test.timeout").Value.(flag.Getter).Get().(time.Duration)))
		d.adapt()
	}
	os.Exit(d.finish(m.Run()))
}

// ownDeadline returns when the tests end by themselves, given the timeout of the testing package,
// whose end is a panic that removes nothing. 0 means never.
func ownDeadline(timeout time.Duration) time.Duration { return timeout * 3 / 4 }

// guard ends the process in order after a signal or the deadline; 0 is none.
func (d *target) guard(signals <-chan os.Signal, deadline time.Duration) {
	var late <-chan time.Time
	if deadline > 0 {
		late = time.After(deadline)
	}
	select {
	case got := <-signals:
		fmt.Fprintf(d.out, "%v: removing what was written\n", got)
		d.stop(130)
	case <-late:
		fmt.Fprintf(d.out, "not finished after %v: removing what was written\n", deadline)
		d.stop(1)
	}
	os.Exit(d.finish(1))
}
