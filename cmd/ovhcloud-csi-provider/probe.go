// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"ovhcloud-csi-provider/server"
)

// probeTimeout bounds a probe. The chart gives kubelet's probes a longer timeout, so that
// users see the message of this program and not kubelet's own.
const probeTimeout = 5 * time.Second

// probeFlag is the value of --probe, which chooses the check of a running daemon. It is
// empty if the flag is not given.
type probeFlag string

const (
	probeLive  probeFlag = "live"
	probeReady probeFlag = "ready"
)

// String implements flag.Value.
func (p *probeFlag) String() string {
	if p == nil {
		return ""
	}
	return string(*p)
}

// IsBoolFlag allows the flag without a value.
func (p *probeFlag) IsBoolFlag() bool { return true }

// Set implements flag.Value. It accepts every value, and check validates it: the error of
// package flag would say that only booleans are valid.
func (p *probeFlag) Set(value string) error {
	switch value {
	case "true": // from package flag, if there is no value
		*p = probeLive
	case "":
		*p = "(empty)"
	default:
		*p = probeFlag(value)
	}
	return nil
}

// check returns an error for a value that is not supported.
func (p *probeFlag) check() error {
	switch *p {
	case "", probeLive, probeReady:
		return nil
	}
	return fmt.Errorf("--probe: %q is not valid; use --probe or --probe=live for liveness, --probe=ready for readiness",
		string(*p))
}

// runProbe checks the daemon that serves socket. It prints one line and returns the exit
// status: 0 if the daemon is alive or ready, else 1.
func runProbe(ctx context.Context, question probeFlag, socket string, timeout time.Duration,
	stdout, stderr io.Writer) int {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	ask := server.ProbeLive
	if question == probeReady {
		ask = server.ProbeReady
	}
	if err := ask(ctx, socket); err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", server.RuntimeName, err)
		return 1
	}
	fmt.Fprintln(stdout, "ok")
	return 0
}
