package main

import (
	"flag"
	"io"
	"log"
	"log/slog"
	"math"

	"k8s.io/klog/v2"
)

// startLogging sets klog up to write to out, which no call of klog waits for.
// How much is logged is up to klog's own flag -v; most bounds what waits to be written, in
// bytes. The returned function writes
// what is left.
//
// The standard library's logger is silenced: all of ours goes through klog, and
// with GODEBUG=http2debug=2 in the environment net/http would print every header
// and body there.
func startLogging(format string, out io.Writer, most int64) (stop func()) {
	log.SetOutput(io.Discard)
	queue := newLogQueue(most)
	if format == "json" {
		everything := &slog.HandlerOptions{Level: slog.Level(math.MinInt8)}
		klog.SetSlogLogger(slog.New(slog.NewJSONHandler(queue, everything)))
		queue.tell = tellLostInJSON
		go queue.run(out)
		return queue.close
	}
	go queue.run(out)
	set := flag.NewFlagSet("", flag.ContinueOnError)
	klog.InitFlags(set)
	// Otherwise klog writes to standard error by itself, and a line once for each
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

func tellLostInJSON(out io.Writer, lost int64) {
	slog.New(slog.NewJSONHandler(out, nil)).Error("lines of the log were lost: they could not be written in time", "lines", lost)
}
