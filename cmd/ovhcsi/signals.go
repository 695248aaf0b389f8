// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"github.com/spf13/cobra"
)

// ownSignals has the commands that handle signals themselves.
var ownSignals = map[string]bool{"exec": true}

// endOnSignals lets SIGINT and SIGTERM end the commands, with 128 plus the number of the signal as
// their exit code. Without it, a process that is the first one of a container would ignore them.
func endOnSignals(c *cobra.Command) {
	for _, sub := range c.Commands() {
		endOnSignals(sub)
	}
	run := c.RunE
	if run == nil || ownSignals[c.Name()] {
		return
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		signals := make(chan os.Signal, 2)
		signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
		defer signal.Stop(signals)
		cleansUp := &atomic.Bool{}
		ctx, cancel := context.WithCancelCause(context.WithValue(c.Context(), cleansUpKey{}, cleansUp))
		defer cancel(nil)
		c.SetContext(ctx)
		done := make(chan error, 1)
		go func() { done <- run(c, args) }()
		var ended error
		select {
		case err := <-done:
			return err
		case got := <-signals:
			ended = endedBy(got)
			cancel(ended)
		}
		if !cleansUp.Load() {
			return ended
		}
		select {
		case err := <-done:
			return err
		case <-signals: // a second one
			return ended
		}
	}
}

// cleansUpKey is the key of a context's value that says whether a signal waits for the command.
type cleansUpKey struct{}

// mustCleanUp says that from now on the command has something to remove. After a signal its context ends,
// and the process waits for the command, until a second signal.
func mustCleanUp(ctx context.Context) {
	if cleansUp, is := ctx.Value(cleansUpKey{}).(*atomic.Bool); is {
		cleansUp.Store(true)
	}
}

// endedBy returns the error of a command that a signal ended.
func endedBy(s os.Signal) error {
	number, _ := s.(syscall.Signal)
	return exitError{128 + int(number), nil}
}

// orSignal returns the error of a signal if it has ended the context of a command that failed, otherwise err.
func orSignal(ctx context.Context, err error) error {
	var ended exitError
	if err != nil && errors.As(context.Cause(ctx), &ended) {
		return ended
	}
	return err
}
