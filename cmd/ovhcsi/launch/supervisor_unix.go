// SPDX-License-Identifier: Apache-2.0

//go:build unix

package launch

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// replace replaces this process with the program. It returns only if that fails.
func replace(path string, program, environment []string) error {
	return syscall.Exec(path, program, environment)
}

// supervisor is a program with what surrounds it. One goroutine has all of it.
type supervisor struct {
	options  Options
	target   *target
	path     string
	state    state // the newest valid one
	terminal terminal

	pid     int              // of the program
	stopped <-chan time.Time // when to kill the program, which is to be restarted; nil while it is not
	ending  bool             // it was told to end: it is not started again
}

// supervise starts the program, passes signals on, reaps what has ended, and acts on changes, until
// the program ends. It returns the program's exit code.
func supervise(o Options, t *target, path string, s state) (int, error) {
	v := &supervisor{options: o, target: t, path: path, state: s, terminal: openTerminal()}
	adopt()
	signals := make(chan os.Signal, 64)
	for _, s := range passed {
		if !signal.Ignored(s) { // such as by nohup
			signal.Notify(signals, s)
		}
	}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)
	if err := v.start(); err != nil {
		return 0, err
	}
	changed := watch(o.Sources, o.Poll, s.stamp)
	for {
		select {
		case s := <-signals:
			v.pass(s.(syscall.Signal))
		case <-changed:
			v.change()
		case <-v.stopped:
			v.options.Log(fmt.Sprintf("the program did not end within %s and is killed", o.StopTimeout))
			_ = syscall.Kill(v.pid, syscall.SIGKILL)
		case <-ended:
			status, is := v.reap()
			if !is {
				continue
			}
			v.endGroup()
			if v.stopped == nil || v.ending {
				return exitCode(status), nil
			}
			if err := v.start(); err != nil {
				return 0, err
			}
		}
	}
}

// start starts the program with the newest state. It has the standard streams of this process. On
// a terminal it is in the process group of this process, so that the shell's job control and keys
// such as Ctrl-C reach both; otherwise it has a group of its own, which ends with it.
func (v *supervisor) start() error {
	pid, err := syscall.ForkExec(v.path, v.options.Program, &syscall.ProcAttr{
		Env:   v.state.environment,
		Files: []uintptr{0, 1, 2},
		Sys:   &syscall.SysProcAttr{Setpgid: !v.terminal.is()},
	})
	v.pid, v.stopped = pid, nil
	return started(err, v.options.Program, v.path, v.state)
}

// pass passes a signal on to the program, unless the terminal has sent it to both.
func (v *supervisor) pass(s syscall.Signal) {
	if s == syscall.SIGTERM || s == syscall.SIGINT {
		v.ending = true
	}
	if v.terminal.sends(s) {
		return
	}
	_ = syscall.Kill(v.pid, s) // the program may have ended, but its id is not free before reap
}

// change reads the sources again and tells the program. If they are wrong, the program goes on.
func (v *supervisor) change() {
	s, err := take(v.options)
	if err == nil && s.digest == v.state.digest || v.ending {
		return
	}
	if err == nil {
		err = v.target.copy(s.files)
	}
	if err != nil {
		v.options.Log(fmt.Sprintf("the files changed and cannot be used, so the program goes on with the earlier "+
			"ones: %v", err))
		return
	}
	v.state = s
	if v.options.OnChange.Restart {
		v.stop()
		return
	}
	v.options.Log(fmt.Sprintf("the files changed; the program gets signal %d (%s)", v.options.OnChange.Signal,
		syscall.Signal(v.options.OnChange.Signal)))
	_ = syscall.Kill(v.pid, syscall.Signal(v.options.OnChange.Signal))
}

// stop ends the program, for a restart.
func (v *supervisor) stop() {
	if v.stopped != nil {
		return // it gets the newest state when it starts
	}
	v.options.Log("the files changed; the program is restarted")
	v.stopped = time.After(v.options.StopTimeout)
	_ = syscall.Kill(v.pid, syscall.SIGTERM)
}

// reap takes all processes that have ended, also those that lost their parent, and returns the
// status of the program if it is one of them.
func (v *supervisor) reap() (status syscall.WaitStatus, is bool) {
	for {
		var one syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &one, syscall.WNOHANG, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil || pid <= 0:
			return status, is
		case pid == v.pid:
			status, is = one, true
		}
	}
}

// endGroup kills what the program left in its process group: it could hold a port that the next one
// needs. The group of a terminal is not the program's own.
func (v *supervisor) endGroup() {
	if !v.terminal.is() {
		_ = syscall.Kill(-v.pid, syscall.SIGKILL)
	}
}

// exitCode returns the exit code of a process that has ended.
func exitCode(status syscall.WaitStatus) int {
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}
