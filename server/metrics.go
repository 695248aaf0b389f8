package server

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"ovhcloud-csi-provider/provider"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/read"
)

// Metrics are the metrics of /metrics. Every label has a bounded number of values.
type Metrics struct {
	registry *prometheus.Registry

	mounts       *prometheus.CounterVec
	mountSeconds prometheus.Histogram
	inFlight     prometheus.Gauge
	panics       prometheus.Counter
	requests     *prometheus.CounterVec
	seconds      *prometheus.HistogramVec
	connections  prometheus.Counter
	reads        *prometheus.CounterVec
	retries      *prometheus.CounterVec
	classes      *classAges

	// Their sources are known when the server is made.
	connectionStates *connectionMetrics
	logLost          *lostLines
}

// NewMetrics returns metrics in a registry of their own. version is the label of
// build_info.
func NewMetrics(version string) *Metrics {
	const space = "ovhcloud_csi"
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		mounts: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: space, Name: "mounts_total",
			Help: "Mounts by result: ok, or the kind of the most serious failure."}, []string{"result"}),
		mountSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: space, Name: "mount_seconds",
			Help: "Duration of mounts in seconds.", Buckets: prometheus.ExponentialBuckets(0.001, 3, 11)}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Namespace: space, Name: "mounts_in_flight",
			Help: "Mounts in progress."}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{Namespace: space, Name: "panics_total",
			Help: "Mounts that failed because of a fault (panic) of this program."}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: space, Name: "okms_requests_total",
			Help: "Requests to OKMS by API, operation and HTTP status; 0 is a request without an answer, " +
				"other is a status that is not 100 to 599."},
			[]string{"api", "operation", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: space, Name: "okms_request_seconds",
			Help: "Duration of requests to OKMS in seconds.", Buckets: prometheus.ExponentialBuckets(0.001, 3, 11)},
			[]string{"api", "operation"}),
		connections: prometheus.NewCounter(prometheus.CounterOpts{Namespace: space, Name: "okms_connections_total",
			Help: "Connections to OKMS that were opened and used."}),
		reads: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: space, Name: "secret_reads_total",
			Help: "Reads of secrets by how they were served: hit (from the cache), miss (by OKMS, or failed by an open circuit breaker), " +
				"joined (by an equal read in progress), stale (from the cache since OKMS is unavailable, in addition to the miss or joined that failed), " +
				"fallback (by the connection's fallback, in addition to the reads of both)."}, []string{"served"}),
		retries: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: space, Name: "okms_retries_total",
			Help: "Retries of reads by the kind of the failure before."}, []string{"kind"}),
		classes:          &classAges{now: time.Now, byClass: map[string]*classAge{}},
		connectionStates: &connectionMetrics{}, logLost: &lostLines{},
	}
	info := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: space, Name: "build_info", Help: "Always 1; the version is a label.",
		ConstLabels: prometheus.Labels{"version": version}})
	info.Set(1)
	for _, outcome := range read.Outcomes() {
		m.reads.WithLabelValues(string(outcome)) // an alert on stale needs the value 0
	}
	m.registry.MustRegister(m.mounts, m.mountSeconds, m.inFlight, m.panics, m.requests, m.seconds, m.connections, m.reads, m.retries, m.classes, info,
		m.connectionStates, m.logLost,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// handler serves the metrics in the format of Prometheus.
func (m *Metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
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
		Retry: func(_ context.Context, after failure.Kind) { m.retries.WithLabelValues(string(after)).Inc() },
	}
}

func (m *Metrics) countCall(c provider.Call) {
	m.requests.WithLabelValues(c.API, c.Operation, statusLabel(c.Status)).Inc()
	m.seconds.WithLabelValues(c.API, c.Operation).Observe(c.Took.Seconds())
	if c.Dialled {
		m.connections.Inc()
	}
}

// statusLabel returns the label of an HTTP status: the number for 0, which means no answer,
// and for 100 to 599, else "other". Over HTTP/2 a server can answer with any number of
// three digits.
func statusLabel(status int) string {
	if status == 0 || status >= 100 && status <= 599 {
		return strconv.Itoa(status)
	}
	return "other"
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
