package main

import (
	"io"
	"log/slog"
	"math"

	"k8s.io/klog/v2"
)

// startLogging sets klog up. How much is logged is up to klog's own flag -v.
func startLogging(format string, out io.Writer) {
	if format == "json" {
		everything := &slog.HandlerOptions{Level: slog.Level(math.MinInt8)}
		klog.SetSlogLogger(slog.New(slog.NewJSONHandler(out, everything)))
	}
}
