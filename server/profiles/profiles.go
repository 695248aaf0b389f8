// SPDX-License-Identifier: Apache-2.0

// Package profiles serves profiles of the process, on a loopback address only.
//
// A profile has stacks of functions, with counts and sizes. It has no content of memory, so no
// value and no credential, and no argument of a function. The forms of net/http/pprof that have
// more are left out: the text of goroutines with the words of their arguments, the command line,
// and execution traces.
package profiles

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"runtime/pprof"
	"strconv"
	"time"

	"k8s.io/klog/v2"

	"ovhcloud-csi-provider/server/tasks"
)

// longest bounds a profile of the processor.
const longest = time.Minute

// names are the profiles that exist besides that of the processor.
var names = []string{"heap", "allocs", "goroutine", "threadcreate"}

// CheckAddress returns why an address cannot be used: it must be an IP address of loopback with a
// port.
func CheckAddress(address string) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !at.Addr().IsLoopback() {
		return fmt.Errorf("%q is not a loopback address and a port, such as 127.0.0.1:6060; profiles are not served "+
			"to the network", address)
	}
	return nil
}

// Listen opens a loopback address. The task serves profiles there.
func Listen(address string) (tasks.Task, error) {
	if err := CheckAddress(address); err != nil {
		return tasks.Task{}, err
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return tasks.Task{}, err
	}
	klog.InfoS("serving profiles", "profiles", l.Addr().String())
	return serving(l), nil
}

// serving returns the task that serves profiles at a listener.
func serving(l net.Listener) tasks.Task {
	server := newServer()
	return tasks.Task{Name: "serving profiles", Interrupt: func() { _ = server.Close() }, Run: func() error {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	}}
}

func newServer() *http.Server {
	return &http.Server{Handler: Handler(), ReadHeaderTimeout: time.Second, ReadTimeout: time.Second,
		WriteTimeout: longest + 15*time.Second, MaxHeaderBytes: 8 << 10}
}

// Handler serves the profiles at the paths of net/http/pprof, in the binary form that `go tool
// pprof` reads, one at a time.
func Handler() http.Handler {
	mux, turn := http.NewServeMux(), make(chan struct{}, 1)
	serve := func(name string, write func(http.ResponseWriter, *http.Request) error) {
		mux.HandleFunc("GET /debug/pprof/"+name, func(w http.ResponseWriter, r *http.Request) {
			select {
			case turn <- struct{}{}:
				defer func() { <-turn }()
			default:
				http.Error(w, "another profile is being made; try again", http.StatusServiceUnavailable)
				return
			}
			w.Header().Set("Content-Type", "application/octet-stream")
			if err := write(w, r); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
			}
		})
	}
	for _, name := range names {
		serve(name, func(w http.ResponseWriter, r *http.Request) error {
			if debug := r.FormValue("debug"); debug != "" && debug != "0" {
				return errors.New("only the binary form is served; remove ?debug, and read it with go tool pprof")
			}
			return pprof.Lookup(name).WriteTo(w, 0)
		})
	}
	serve("profile", processor)
	return mux
}

// processor writes a profile of the processor, by default of 30 seconds.
func processor(w http.ResponseWriter, r *http.Request) error {
	seconds := 30.0
	if text := r.FormValue("seconds"); text != "" {
		var err error
		if seconds, err = strconv.ParseFloat(text, 64); err != nil || !(seconds > 0 && seconds <= longest.Seconds()) {
			return fmt.Errorf("seconds must be a number from 0 to %g", longest.Seconds())
		}
	}
	if err := pprof.StartCPUProfile(w); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	timer := time.NewTimer(time.Duration(seconds * float64(time.Second)))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
	return nil
}
