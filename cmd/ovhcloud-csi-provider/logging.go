// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"math"

	"k8s.io/klog/v2"

	"ovhcloud-csi-provider/server/lines"
)

// startLogging makes klog write to out through a queue, so that no call of klog waits for
// out. most bounds the queue in bytes. klog's flag -v sets the level. stop writes the rest
// of the queue.
//
// The standard library's logger is turned off: this program logs through klog only, and
// with GODEBUG=http2debug=2 in the environment net/http would log every header and body.
func startLogging(format string, out io.Writer, most int64) (queue *lines.Queue, stop func()) {
	log.SetOutput(io.Discard)
	if format == "json" {
		queue = lines.New(most, lostInJSON)
		everything := &slog.HandlerOptions{Level: slog.Level(math.MinInt8)}
		klog.SetSlogLogger(slog.New(slog.NewJSONHandler(queue, everything)))
		go queue.Run(out)
		return queue, func() { queue.Close() }
	}
	queue = lines.New(most, lostInText)
	go queue.Run(out)
	set := flag.NewFlagSet("", flag.ContinueOnError)
	klog.InitFlags(set)
	// Without these klog writes to standard error itself, and each line once for every
	// severity.
	for name, value := range map[string]string{"logtostderr": "false", "alsologtostderr": "false", "one_output": "true",
		"stderrthreshold": "FATAL"} {
		_ = set.Set(name, value)
	}
	klog.SetOutput(queue)
	return queue, func() {
		klog.Flush()
		queue.Close()
	}
}

// The reports of lost lines, without their number.
const (
	lostSlow   = "lines of the log were lost: they could not be written in time"
	lostFailed = "lines of the log were lost: writing them failed"
)

// lostInText reports lost lines of a log in text.
func lostInText(lost lines.Lost, err error) []byte {
	var text bytes.Buffer
	if lost.Full > 0 {
		fmt.Fprintf(&text, "%d %s\n", lost.Full, lostSlow)
	}
	if lost.Failed > 0 {
		fmt.Fprintf(&text, "%d %s: %v\n", lost.Failed, lostFailed, err)
	}
	return text.Bytes()
}

// lostInJSON reports lost lines of a log in JSON.
func lostInJSON(lost lines.Lost, err error) []byte {
	var text bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&text, nil))
	if lost.Full > 0 {
		log.Error(lostSlow, "lines", lost.Full)
	}
	if lost.Failed > 0 {
		log.Error(lostFailed, "lines", lost.Failed, "error", err.Error())
	}
	return text.Bytes()
}
