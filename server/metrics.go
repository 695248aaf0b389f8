// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"ovhcloud-csi-provider/provider"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/read"
	"ovhcloud-csi-provider/server/series"
)

// Metrics are the metrics of /metrics. Every label has a bounded number of values.
type Metrics struct {
	registry *prometheus.Registry

	mounts       *prometheus.CounterVec
	mountSeconds prometheus.Observer
	inFlight     prometheus.Gauge
	panics       prometheus.Counter
	requests     *prometheus.CounterVec
	seconds      *prometheus.HistogramVec
	connections  prometheus.Counter
	reads        *prometheus.CounterVec
	ages         prometheus.Observer
	retries      *prometheus.CounterVec
	info         *prometheus.GaugeVec
	classes      *classAges

	// Their sources are known when the server is made.
	connectionStates *connectionMetrics
	lost             *lostLines
	state            *stateMetrics
	events           *eventCounts
}

// NewMetrics returns metrics in a registry of their own. version is the label of
// build_info.
func NewMetrics(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		mounts:   series.Mounts.Counters(), mountSeconds: series.MountSeconds.Histograms().WithLabelValues(),
		inFlight: series.InFlight.Gauges().WithLabelValues(), panics: series.Panics.Counters().WithLabelValues(),
		requests: series.Requests.Counters(), seconds: series.RequestSeconds.Histograms(),
		connections: series.Connections.Counters().WithLabelValues(),
		reads:       series.Reads.Counters(), ages: series.Age.Histograms().WithLabelValues(),
		retries: series.Retries.Counters(), info: series.Build.Gauges(),
		classes:          &classAges{now: time.Now, byClass: map[string]*classAge{}, ofNamespace: map[string]int{}},
		connectionStates: &connectionMetrics{}, lost: &lostLines{}, state: &stateMetrics{}, events: &eventCounts{},
	}
	m.info.WithLabelValues(version).Set(1)
	for _, outcome := range read.Outcomes() {
		m.reads.WithLabelValues(string(outcome)) // an alert on stale needs the value 0
	}
	m.registry.MustRegister(m.ours()...)
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// ours returns the collectors of the metrics in the table of series.
func (m *Metrics) ours() []prometheus.Collector {
	return []prometheus.Collector{m.mounts, m.mountSeconds.(prometheus.Collector), m.inFlight, m.panics, m.requests,
		m.seconds, m.connections,
		m.reads, m.retries, m.info, m.classes, m.connectionStates, m.lost, m.state, m.events,
		m.ages.(prometheus.Collector)}
}

// handler serves the metrics in the format of Prometheus. A metric that cannot be collected
// does not hide the others.
func (m *Metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry,
		promhttp.HandlerOpts{Registry: m.registry, ErrorHandling: promhttp.ContinueOnError})
}

// Trace returns the observers that count exchanges, reads and retries. Each exchange is also
// given to calls.
func (m *Metrics) Trace(calls ...func(provider.Call)) read.Trace {
	return read.Trace{
		Call: func(_ context.Context, c provider.Call) {
			m.countCall(c)
			for _, also := range calls {
				also(c)
			}
		},
		Read:  func(_ context.Context, served read.Outcome) { m.reads.WithLabelValues(string(served)).Inc() },
		Age:   func(_ context.Context, age time.Duration) { m.ages.Observe(age.Seconds()) },
		Retry: func(_ context.Context, after failure.Kind) { m.retries.WithLabelValues(string(after)).Inc() },
	}
}

func (m *Metrics) countCall(c provider.Call) {
	m.requests.WithLabelValues(c.API, c.Operation, series.Status(c.Status)).Inc()
	m.seconds.WithLabelValues(c.API, c.Operation).Observe(c.Took.Seconds())
	if c.Dialled {
		m.connections.Inc()
	}
}

// mountBegins counts a mount as in progress until observeMount.
func (m *Metrics) mountBegins() { m.inFlight.Inc() }

// observeMount counts a mount that has ended.
func (m *Metrics) observeMount(r record) {
	m.inFlight.Dec()
	m.mountSeconds.Observe(r.took.Seconds())
	m.mounts.WithLabelValues(result(r.kind)).Inc()
	m.classes.mounted(r.class, r.kind == "")
}

// refused counts a mount that was refused before its request was read.
func (m *Metrics) refused(kind failure.Kind) { m.mounts.WithLabelValues(result(kind)).Inc() }

func result(kind failure.Kind) string {
	if kind == "" {
		return "ok"
	}
	return string(kind)
}
