package main

import (
	"bytes"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// logQueue is a bounded queue of log lines, so that no mount waits until its lines are
// written: a full disk or a container runtime that hangs blocks the pipe of standard
// error. Lines that do not fit are dropped and counted.
type logQueue struct {
	lines  chan []byte
	most   int64                           // bytes
	held   atomic.Int64                    // bytes in the queue
	lost   atomic.Int64                    // lines since the last report
	report func(out io.Writer, lost int64) // writes the report of lost lines
	stop   chan struct{}
	ended  chan struct{}
}

// newLogQueue returns a queue of at most 1,024 lines and most bytes.
func newLogQueue(most int64) *logQueue {
	return &logQueue{report: reportLost, most: most, lines: make(chan []byte, 1024), stop: make(chan struct{}), ended: make(chan struct{})}
}

// Write implements io.Writer. It never blocks and never fails.
func (q *logQueue) Write(line []byte) (int, error) {
	n := int64(len(line))
	if q.held.Add(n) <= q.most {
		select {
		case q.lines <- bytes.Clone(line):
			return len(line), nil
		default:
		}
	}
	q.held.Add(-n)
	q.lost.Add(1)
	return len(line), nil
}

// run writes the lines to out until close.
func (q *logQueue) run(out io.Writer) {
	defer close(q.ended)
	for {
		select {
		case line := <-q.lines:
			q.write(out, line)
		case <-q.stop:
			for len(q.lines) > 0 {
				q.write(out, <-q.lines)
			}
			return
		}
	}
}

func (q *logQueue) write(out io.Writer, line []byte) {
	if lost := q.lost.Swap(0); lost > 0 {
		q.report(out, lost)
	}
	_, _ = out.Write(line)
	q.held.Add(-int64(len(line)))
}

func reportLost(out io.Writer, lost int64) {
	fmt.Fprintf(out, "%d lines of the log were lost: they could not be written in time\n", lost)
}

// close writes the rest of the queue, for at most a second.
func (q *logQueue) close() {
	close(q.stop)
	select {
	case <-q.ended:
	case <-time.After(time.Second):
	}
}
