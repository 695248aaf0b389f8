package main

import (
	"flag"
	"io"
	"log"
	"log/slog"
	"math"

	"k8s.io/klog/v2"
)

// startLogging makes klog write to out through a queue, so that no call of klog waits for
// out. most bounds the queue in bytes. klog's flag -v sets the level. The returned
// function writes the rest of the queue.
//
// The standard library's logger is turned off: this program logs through klog only, and
// with GODEBUG=http2debug=2 in the environment net/http would log every header and body.
func startLogging(format string, out io.Writer, most int64) (stop func()) {
	log.SetOutput(io.Discard)
	queue := newLogQueue(most)
	if format == "json" {
		everything := &slog.HandlerOptions{Level: slog.Level(math.MinInt8)}
		klog.SetSlogLogger(slog.New(slog.NewJSONHandler(queue, everything)))
		queue.report = reportLostInJSON
		go queue.run(out)
		return queue.close
	}
	go queue.run(out)
	set := flag.NewFlagSet("", flag.ContinueOnError)
	klog.InitFlags(set)
	// Without these klog writes to standard error itself, and each line once for every
	// severity.
	for name, value := range map[string]string{"logtostderr": "false", "alsologtostderr": "false", "one_output": "true", "stderrthreshold": "FATAL"} {
		_ = set.Set(name, value)
	}
	klog.SetOutput(queue)
	return func() {
		klog.Flush()
		queue.close()
	}
}

func reportLostInJSON(out io.Writer, lost int64) {
	slog.New(slog.NewJSONHandler(out, nil)).Error("lines of the log were lost: they could not be written in time", "lines", lost)
}
