// SPDX-License-Identifier: Apache-2.0

//go:build unix

package launch

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"ovhcloud-csi-provider/provider/nearest"
)

// signalNames are the signals that have a name for ParseSignal.
var signalNames = map[string]syscall.Signal{
	"HUP": syscall.SIGHUP, "INT": syscall.SIGINT, "QUIT": syscall.SIGQUIT, "ABRT": syscall.SIGABRT,
	"USR1": syscall.SIGUSR1,
	"USR2": syscall.SIGUSR2, "ALRM": syscall.SIGALRM, "TERM": syscall.SIGTERM, "CONT": syscall.SIGCONT,
	"WINCH": syscall.SIGWINCH,
}

// passed are the signals that are passed on to the program. Those of job control act on this process
// too, and SIGKILL and SIGSTOP cannot be passed on.
var passed = append([]syscall.Signal{
	syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGABRT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM,
	syscall.SIGTERM, syscall.SIGWINCH,
}, realTime()...)

// Signals returns the names that ParseSignal takes, in order.
func Signals() []string { return slices.Sorted(maps.Keys(signalNames)) }

// ParseSignal returns the number of a signal that is written as HUP, SIGHUP or 1.
func ParseSignal(written string) (int, error) {
	name := strings.TrimPrefix(strings.ToUpper(written), "SIG")
	if s, known := signalNames[name]; known {
		return int(s), nil
	}
	n, err := strconv.Atoi(name)
	switch {
	case name == "KILL" || name == "STOP" || syscall.Signal(n) == syscall.SIGKILL || syscall.Signal(n) == syscall.SIGSTOP:
		return 0, fmt.Errorf("no program can act on signal %s; use --restart to end and start it", written)
	case err == nil && n > 0 && n <= 64:
		return n, nil
	}
	if near := nearest.Name(name, Signals()); near != "" {
		return 0, fmt.Errorf("%s is no signal, did you mean %s?", written, near)
	}
	return 0, fmt.Errorf("%s is no signal; give one of %s, or a number", written, strings.Join(Signals(), ", "))
}
