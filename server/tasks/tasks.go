// SPDX-License-Identifier: Apache-2.0

// Package tasks runs the parts of a process side by side and ends them in a fixed order.
//
// It differs from github.com/oklog/run in one thing: a task is interrupted only after the
// one before it in the list has ended. A daemon needs that to finish its mounts before
// the connections that they use are closed.
package tasks

import (
	"context"
	"errors"
	"fmt"
)

// Task is a part of a process.
type Task struct {
	// Name is the task's in errors.
	Name string
	// Run does the work. It returns after Interrupt was called, or before with an error.
	Run func() error
	// Interrupt makes Run return. It may be called before Run, and after Run has
	// returned, and may wait.
	Interrupt func()
}

// Until returns a task that runs until the context of run is done.
func Until(name string, run func(context.Context) error) Task {
	ctx, cancel := context.WithCancel(context.Background())
	return Task{Name: name, Run: func() error { return run(ctx) }, Interrupt: cancel}
}

// Run starts all tasks. When ctx is done or one of the tasks has ended, it interrupts
// them in the order of the list, and waits for the end of each before it interrupts the
// next. It returns the errors of all, or nil if there is none.
func Run(ctx context.Context, list ...Task) error {
	ended := make(chan struct{}, len(list))
	results := make([]chan error, len(list))
	for i, task := range list {
		results[i] = make(chan error, 1)
		go func() {
			results[i] <- task.Run()
			ended <- struct{}{}
		}()
	}
	select {
	case <-ctx.Done():
	case <-ended:
	}
	var failed []error
	for i, task := range list {
		task.Interrupt()
		if err := <-results[i]; err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", task.Name, err))
		}
	}
	return errors.Join(failed...)
}
