// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"time"

	"k8s.io/klog/v2"

	"ovhcloud-csi-provider/server/audit"
	"ovhcloud-csi-provider/server/lines"
)

// startAudit writes audit records to the file at path, or to stdout if path is -, through a
// queue of at most so many bytes, so that no mount waits for them. stop writes the rest of
// the queue. If path is empty, queue is nil, and stop does nothing.
func startAudit(path string, stdout io.Writer, most int64) (queue *lines.Queue, stop func(), err error) {
	if path == "" {
		return nil, func() {}, nil
	}
	out := stdout
	if path != "-" {
		file, err := audit.OpenFile(path)
		if err != nil {
			return nil, nil, err
		}
		out = file // the end of the process closes it: a write may hang until then
	}
	queue = lines.New(most, audit.ReportLost(time.Now))
	go queue.Run(out)
	return queue, func() {
		if left := queue.Close(); left > 0 {
			klog.ErrorS(nil, "audit records were lost: they could not be written before the end", "records", left)
		}
	}, nil
}
