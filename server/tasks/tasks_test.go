// SPDX-License-Identifier: Apache-2.0

package tasks

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// events records what happens to tasks, in order.
type events struct{ seen []string }

// slow returns a task that needs a second to end after it was interrupted, and then
// returns err.
func (e *events) slow(name string, err error) Task {
	task := Until(name, func(ctx context.Context) error {
		<-ctx.Done()
		time.Sleep(time.Second)
		e.seen = append(e.seen, name+" ends")
		return err
	})
	stop := task.Interrupt
	task.Interrupt = func() { e.seen = append(e.seen, "stop "+name); stop() }
	return task
}

func (e *events) want(t *testing.T, want string) {
	t.Helper()
	if got := fmt.Sprint(e.seen); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestTasksEndInTheOrderOfTheList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var e events
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		begin := time.Now()
		if err := Run(ctx, e.slow("a", nil), e.slow("b", nil), e.slow("c", nil)); err != nil {
			t.Error(err)
		}
		e.want(t, "[stop a a ends stop b b ends stop c c ends]")
		if took := time.Since(begin); took != time.Hour+3*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

func TestATaskThatFailsEndsTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var e events
		broken := errors.New("it broke")
		fails := Task{Name: "b", Run: func() error { return broken }, Interrupt: func() {}}
		err := Run(t.Context(), e.slow("a", nil), fails, e.slow("c", errors.New("late")))
		if !errors.Is(err, broken) || err.Error() != "b: it broke\nc: late" {
			t.Errorf("got %v", err)
		}
		e.want(t, "[stop a a ends stop c c ends]")
	})
}

func TestWithoutTasksItWaitsForTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Run(ctx); err != nil {
		t.Error(err)
	}
}
