package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"ovhcloud-csi-provider/server"
)

// probeTimeout bounds a probe. The chart gives kubelet's probes a longer time, so that
// the message of this program is seen and not kubelet's own.
const probeTimeout = 5 * time.Second

// probeFlag is --probe: which question is put to a running daemon. It is empty if the
// flag is not given.
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

// IsBoolFlag lets the flag stand without a value.
func (p *probeFlag) IsBoolFlag() bool { return true }

// Set implements flag.Value. It takes every value: package flag words the error of a
// flag that needs no value as if only booleans were valid, so check does it.
func (p *probeFlag) Set(value string) error {
	switch value {
	case "true": // what package flag says for a flag without a value
		*p = probeLive
	case "":
		*p = "(empty)"
	default:
		*p = probeFlag(value)
	}
	return nil
}

// check returns an error for a value that is no question.
func (p *probeFlag) check() error {
	switch *p {
	case "", probeLive, probeReady:
		return nil
	}
	return fmt.Errorf("--probe: %q is not valid; use --probe or --probe=live for liveness, --probe=ready for readiness",
		string(*p))
}

// runProbe puts the question to the daemon that serves socket. It prints one line and
// returns the exit status: 0 if all is well, else 1.
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
