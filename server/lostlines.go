// SPDX-License-Identifier: Apache-2.0

package server

import (
	"github.com/prometheus/client_golang/prometheus"

	"ovhcloud-csi-provider/server/lines"
	"ovhcloud-csi-provider/server/series"
	"ovhcloud-csi-provider/server/tracing"
)

// lostLines collects how many lines of the log, records of the audit and spans were lost.
type lostLines struct {
	log, audit func() lines.Lost // nil if none can be lost
	spans      func() tracing.Lost
}

var (
	logLost   = series.LogLost.Collected()
	auditLost = series.AuditLost.Collected()
	spansLost = series.SpansLost.Collected()
)

// Describe implements prometheus.Collector.
func (*lostLines) Describe(out chan<- *prometheus.Desc) {
	logLost.Describe(out)
	auditLost.Describe(out)
	spansLost.Describe(out)
}

// Collect implements prometheus.Collector.
func (l *lostLines) Collect(out chan<- prometheus.Metric) {
	collectLost(out, logLost, l.log)
	collectLost(out, auditLost, l.audit)
	var spans tracing.Lost
	if l.spans != nil {
		spans = l.spans()
	}
	spansLost.Send(out, float64(spans.Full), "slow")
	spansLost.Send(out, float64(spans.Failed), "failed")
}

func collectLost(out chan<- prometheus.Metric, as series.Collected, of func() lines.Lost) {
	var lost lines.Lost
	if of != nil {
		lost = of()
	}
	as.Send(out, float64(lost.Full), "slow")
	as.Send(out, float64(lost.Failed), "failed")
}
