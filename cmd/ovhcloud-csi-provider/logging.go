package main

import (
	"io"
	"log"
	"log/slog"
	"math"

	"k8s.io/klog/v2"
)

// startLogging sets klog up. How much is logged is up to klog's own flag -v.
//
// The standard library's logger is silenced: all of ours goes through klog, and
// with GODEBUG=http2debug=2 in the environment net/http would print every header
// and body there.
func startLogging(format string, out io.Writer) {
	log.SetOutput(io.Discard)
	if format == "json" {
		everything := &slog.HandlerOptions{Level: slog.Level(math.MinInt8)}
		klog.SetSlogLogger(slog.New(slog.NewJSONHandler(out, everything)))
	}
}
