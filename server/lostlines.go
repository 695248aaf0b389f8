package server

import (
	"github.com/prometheus/client_golang/prometheus"

	"ovhcloud-csi-provider/server/lines"
)

// lostLines collects how many lines of the log were lost.
type lostLines struct {
	of func() lines.Lost // nil if no line can be lost
}

var logLinesLost = prometheus.NewDesc("ovhcloud_csi_log_lines_lost_total",
	"Lines of the log that were lost by reason: slow, they could not be written in time; failed, writing them failed.",
	[]string{"reason"}, nil)

// Describe implements prometheus.Collector.
func (*lostLines) Describe(out chan<- *prometheus.Desc) { out <- logLinesLost }

// Collect implements prometheus.Collector.
func (l *lostLines) Collect(out chan<- prometheus.Metric) {
	var lost lines.Lost
	if l.of != nil {
		lost = l.of()
	}
	for reason, n := range map[string]int64{"slow": lost.Full, "failed": lost.Failed} {
		out <- prometheus.MustNewConstMetric(logLinesLost, prometheus.CounterValue, float64(n), reason)
	}
}
