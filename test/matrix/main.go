// SPDX-License-Identifier: Apache-2.0

// Command matrix runs the end-to-end scenarios with several versions of Kubernetes and of the Secrets Store CSI driver,
// one node after the other, and prints which passed. With -write it writes a table to a page of the documentation; rows
// of pairs that were not run stay as they are. It needs what `make cluster` needs.
//
// The exit status is 1 if a scenario failed.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
	"time"
)

// pair is what runs together. Empty versions are those that test/cluster pins.
type pair struct {
	kubernetes, driver string
	files              []string // of test/e2e/bats; none means all
}

// pairs has the newest patch that the module proxy has of each minor version. The suite that
// runs with other drivers has the form of those in the driver's repository.
var pairs = []pair{
	{"", "", nil},
	{"1.36.3", "", nil},
	{"1.35.4", "", nil},
	{"1.34.4", "", nil},
	{"", "1.5.6", []string{"ovhcloud"}},
	{"", "1.4.8", []string{"ovhcloud"}},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	only := flag.String("only", "", "run only the pairs whose versions, such as 1.37.2/1.6.1, match this `pattern`")
	to := flag.String("write", "", "the `page` to write the table to, between its markers")
	flag.Parse()
	failed, err := run(ctx, *only, *to)
	if err != nil {
		fmt.Fprintln(os.Stderr, "matrix:", err)
		os.Exit(2)
	}
	if failed {
		os.Exit(1)
	}
}

// run runs the pairs that only matches, and writes the page after each, since all take hours.
func run(ctx context.Context, only, to string) (failed bool, err error) {
	wanted, err := regexp.Compile(only)
	if err != nil {
		return false, err
	}
	pinned, err := pinnedVersions()
	if err != nil {
		return false, err
	}
	for _, p := range pairs {
		name := pinned.name(p)
		if !wanted.MatchString(name) {
			continue
		}
		r, err := p.run(ctx, name)
		if err != nil {
			return failed, err
		}
		fmt.Print(header + r.String())
		failed = failed || !r.allPassed()
		if to != "" {
			if err := write(to, r); err != nil {
				return failed, err
			}
		}
	}
	return failed, nil
}

// run boots a node with the versions, runs the scenarios, and takes the node down. What it
// prints is also in bin/matrix.
func (p pair) run(ctx context.Context, name string) (result, error) {
	path := filepath.Join("bin/matrix", regexp.MustCompile("[^0-9.]").ReplaceAllString(name, "-")+".log")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return result{}, err
	}
	out, err := os.Create(path)
	if err != nil {
		return result{}, err
	}
	defer out.Close()
	r := result{name: name, day: time.Now().UTC().Format(time.DateOnly)}
	cmd := exec.CommandContext(ctx, "test/e2e/run", p.files...)
	// A cluster of the caller's must not be taken for the node.
	cmd.Env = append(os.Environ(), "KUBECONFIG=", "KUBERNETES="+p.kubernetes, "DRIVER="+p.driver)
	cmd.Stdout, cmd.Stderr = io.MultiWriter(os.Stdout, out, &r.outcome), io.MultiWriter(os.Stderr, out)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // it takes the node down
	r.err = cmd.Run()
	if r.passed+len(r.failed) == 0 {
		return r, fmt.Errorf("no scenario of %s ran: %w", name, cmp.Or(r.err, errors.New("there is none")))
	}
	return r, ctx.Err()
}
