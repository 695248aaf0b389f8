// SPDX-License-Identifier: Apache-2.0

package server

import (
	"github.com/prometheus/client_golang/prometheus"

	"ovhcloud-csi-provider/server/events"
	"ovhcloud-csi-provider/server/series"
)

// eventsTo returns an observer that writes events of pods.
func eventsTo(recorder *events.Recorder) func(record) {
	return func(r record) {
		recorder.Observe(events.Mount{Target: r.target, Namespace: r.pod.Namespace, Pod: r.pod.Name, UID: r.pod.UID,
			Class: r.class, Kind: string(r.kind), Message: r.message})
	}
}

// eventCounts collects what became of events of pods.
type eventCounts struct {
	counts func() events.Counts // nil if none are written
}

var (
	eventsSent = series.EventsSent.Collected()
	eventsLost = series.EventsLost.Collected()
)

// Describe implements prometheus.Collector.
func (*eventCounts) Describe(out chan<- *prometheus.Desc) {
	eventsSent.Describe(out)
	eventsLost.Describe(out)
}

// Collect implements prometheus.Collector.
func (e *eventCounts) Collect(out chan<- prometheus.Metric) {
	var c events.Counts
	if e.counts != nil {
		c = e.counts()
	}
	eventsSent.Send(out, float64(c.Sent))
	eventsLost.Send(out, float64(c.Over), "over")
	eventsLost.Send(out, float64(c.Refused), "refused")
	eventsLost.Send(out, float64(c.Full), "full")
}
