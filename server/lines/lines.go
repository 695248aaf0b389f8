// SPDX-License-Identifier: Apache-2.0

// Package lines writes lines to a stream that may be slow, full or broken, without making
// the callers wait. What is lost is counted, and reported in the stream itself.
package lines

import (
	"bytes"
	"io"
	"sync/atomic"
	"time"
)

// Queue is a bounded queue of lines for one stream. A full disk or a container runtime
// that hangs blocks the stream; no caller of Write waits for it. It is safe for concurrent
// use.
type Queue struct {
	lines  chan []byte
	most   int64        // bytes
	held   atomic.Int64 // bytes in the queue
	report Report

	full, failed atomic.Int64  // lines
	wake         chan struct{} // a line was lost
	stop, ended  chan struct{}

	// The rest belongs to the goroutine of Run.
	reported Lost
	err      error // of the last write that failed
	torn     bool  // the stream ends in a part of a line
}

// Lost is how many lines were lost since the start, by reason. It never decreases.
type Lost struct {
	// Full counts lines that did not fit into the queue: the stream was too slow.
	Full int64
	// Failed counts lines whose write failed.
	Failed int64
}

// Report returns the lines that report losses in the stream, each with its line break.
// lost is what was lost since the last report; err is the last error of the stream, nil if
// lost.Failed is 0.
type Report func(lost Lost, err error) []byte

const (
	maxLines = 1024
	// retryEvery is how often a report is tried while no line comes.
	retryEvery = time.Second
	// closeWait is how long Close waits for the stream.
	closeWait = time.Second
)

// New returns a queue of at most 1,024 lines and most bytes. Run must be called.
func New(most int64, report Report) *Queue {
	return &Queue{report: report, most: most, lines: make(chan []byte, maxLines), wake: make(chan struct{}, 1),
		stop: make(chan struct{}), ended: make(chan struct{})}
}

// Write adds a line, which ends in a line break, or counts it as lost. It implements
// io.Writer, never blocks and never fails. It does not keep line.
func (q *Queue) Write(line []byte) (int, error) {
	n := int64(len(line))
	if q.held.Add(n) <= q.most {
		select {
		case q.lines <- bytes.Clone(line):
			return len(line), nil
		default:
		}
	}
	q.held.Add(-n)
	q.full.Add(1)
	select {
	case q.wake <- struct{}{}:
	default:
	}
	return len(line), nil
}

// Lost returns what was lost until now.
func (q *Queue) Lost() Lost { return Lost{Full: q.full.Load(), Failed: q.failed.Load()} }

// Run writes the lines to out until Close. It must be called once.
func (q *Queue) Run(out io.Writer) {
	defer close(q.ended)
	for {
		var retry <-chan time.Time
		if q.Lost() != q.reported {
			retry = time.After(retryEvery)
		}
		select {
		case line := <-q.lines:
			q.write(out, line)
		case <-q.wake: // the report is due
		case <-retry:
			q.reportLost(out)
		case <-q.stop:
			for len(q.lines) > 0 {
				q.write(out, <-q.lines)
			}
			q.reportLost(out)
			return
		}
	}
}

// Close writes the rest of the queue. It returns after a second, even if the stream still
// blocks, and then says how many lines were left. Lines of later calls of Write are not
// written.
func (q *Queue) Close() (left int) {
	close(q.stop)
	select {
	case <-q.ended:
		return 0
	case <-time.After(closeWait):
		return len(q.lines) + 1 // one is being written
	}
}

// write writes a line after the report of losses.
func (q *Queue) write(out io.Writer, line []byte) {
	q.reportLost(out)
	if !q.put(out, line) {
		q.failed.Add(1)
	}
	q.held.Add(-int64(len(line)))
}

// reportLost writes the report of what was lost since the last one. If that fails too, it
// is due again.
func (q *Queue) reportLost(out io.Writer) {
	lost := q.Lost()
	since := Lost{Full: lost.Full - q.reported.Full, Failed: lost.Failed - q.reported.Failed}
	if since == (Lost{}) {
		return
	}
	err := q.err
	if since.Failed == 0 {
		err = nil
	}
	if q.put(out, q.report(since, err)) {
		q.reported = lost
	}
}

// put writes text, and reports whether all of it was written. If an earlier write was cut
// short, text begins on a line of its own.
func (q *Queue) put(out io.Writer, text []byte) bool {
	if q.torn {
		text = append([]byte{'\n'}, text...)
	}
	n, err := out.Write(text)
	if n > 0 {
		q.torn = text[n-1] != '\n'
	}
	if err != nil {
		q.err = err
	}
	return err == nil
}
