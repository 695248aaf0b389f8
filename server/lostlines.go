// SPDX-License-Identifier: Apache-2.0

package server

import (
	"github.com/prometheus/client_golang/prometheus"

	"ovhcloud-csi-provider/server/lines"
	"ovhcloud-csi-provider/server/series"
)

// lostLines collects how many lines of the log and records of the audit were lost.
type lostLines struct {
	log, audit func() lines.Lost // nil if none can be lost
}

var (
	logLost   = series.LogLost.Collected()
	auditLost = series.AuditLost.Collected()
)

// Describe implements prometheus.Collector.
func (*lostLines) Describe(out chan<- *prometheus.Desc) {
	logLost.Describe(out)
	auditLost.Describe(out)
}

// Collect implements prometheus.Collector.
func (l *lostLines) Collect(out chan<- prometheus.Metric) {
	collectLost(out, logLost, l.log)
	collectLost(out, auditLost, l.audit)
}

func collectLost(out chan<- prometheus.Metric, as series.Collected, of func() lines.Lost) {
	var lost lines.Lost
	if of != nil {
		lost = of()
	}
	as.Send(out, float64(lost.Full), "slow")
	as.Send(out, float64(lost.Failed), "failed")
}
