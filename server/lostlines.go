package server

import (
	"github.com/prometheus/client_golang/prometheus"

	"ovhcloud-csi-provider/server/lines"
	"ovhcloud-csi-provider/server/series"
)

// lostLines collects how many lines of the log were lost.
type lostLines struct {
	of func() lines.Lost // nil if no line can be lost
}

var logLost = series.LogLost.Collected()

// Describe implements prometheus.Collector.
func (*lostLines) Describe(out chan<- *prometheus.Desc) { logLost.Describe(out) }

// Collect implements prometheus.Collector.
func (l *lostLines) Collect(out chan<- prometheus.Metric) {
	var lost lines.Lost
	if l.of != nil {
		lost = l.of()
	}
	logLost.Send(out, float64(lost.Full), "slow")
	logLost.Send(out, float64(lost.Failed), "failed")
}
