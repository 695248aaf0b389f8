package server

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"ovhcloud-csi-provider/provider"
)

// Metrics are what /metrics serves. Every label has a bounded set of values.
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
}

// NewMetrics makes a set of its own: nothing is registered globally. version is
// told in build_info.
func NewMetrics(version string) *Metrics {
	const space = "ovhcloud_csi"
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		mounts: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: space, Name: "mounts_total",
			Help: "Mounts by result: ok, or the kind of the gravest failure."}, []string{"result"}),
		mountSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: space, Name: "mount_seconds",
			Help: "Duration of mounts in seconds.", Buckets: prometheus.ExponentialBuckets(0.001, 3, 11)}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Namespace: space, Name: "mounts_in_flight",
			Help: "Mounts under way."}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{Namespace: space, Name: "panics_total",
			Help: "Mounts that a fault of this program ended."}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: space, Name: "okms_requests_total",
			Help: "Requests to OKMS by API, operation and HTTP status; status 0 is a request without an answer, " +
				"other one that is not 100 to 599."},
			[]string{"api", "operation", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: space, Name: "okms_request_seconds",
			Help: "Duration of requests to OKMS in seconds.", Buckets: prometheus.ExponentialBuckets(0.001, 3, 11)},
			[]string{"api", "operation"}),
		connections: prometheus.NewCounter(prometheus.CounterOpts{Namespace: space, Name: "okms_connections_total",
			Help: "Connections to OKMS that were opened and used."}),
		reads: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: space, Name: "secret_reads_total",
			Help: "Reads of secrets by how they were served: hit (from memory), miss (OKMS was asked, or is left alone at the moment), joined (with an equal read under way), " +
				"stale (from memory, since OKMS could not be asked; counted beside the miss or joined that failed), " +
				"fallback (by the connection's fallback; counted beside the reads of both)."}, []string{"served"}),
		retries: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: space, Name: "okms_retries_total",
			Help: "Further attempts at a read, by the kind of failure of the one before."}, []string{"kind"}),
		classes: &classAges{now: time.Now, byClass: map[string]*classAge{}},
	}
	info := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: space, Name: "build_info", Help: "Always 1; the version is a label.",
		ConstLabels: prometheus.Labels{"version": version}})
	info.Set(1)
	for _, outcome := range provider.ReadOutcomes() {
		m.reads.WithLabelValues(string(outcome)) // an alert on stale needs its 0
	}
	m.registry.MustRegister(m.mounts, m.mountSeconds, m.inFlight, m.panics, m.requests, m.seconds, m.connections, m.reads, m.retries, m.classes, info,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// handler serves the metrics in Prometheus' format.
func (m *Metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
}

// ObserveCall counts an exchange with OKMS.
func (m *Metrics) ObserveCall(c provider.Call) {
	m.requests.WithLabelValues(c.API, c.Operation, statusLabel(c.Status)).Inc()
	m.seconds.WithLabelValues(c.API, c.Operation).Observe(c.Took.Seconds())
	if c.Dialled {
		m.connections.Inc()
	}
}

// statusLabel is the label of an HTTP status: 0, which is no answer, and 100 to 599 as they
// are, all others "other". Over HTTP/2 a server may answer any number of three digits.
func statusLabel(status int) string {
	if status == 0 || status >= 100 && status <= 599 {
		return strconv.Itoa(status)
	}
	return "other"
}

// ObserveRead counts a read of a secret.
func (m *Metrics) ObserveRead(served provider.ReadOutcome) {
	m.reads.WithLabelValues(string(served)).Inc()
}

// ObserveRetry counts a further attempt at a read.
func (m *Metrics) ObserveRetry(after provider.Kind) { m.retries.WithLabelValues(string(after)).Inc() }

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
func (m *Metrics) refused(kind provider.Kind) { m.mounts.WithLabelValues(result(kind)).Inc() }

func result(kind provider.Kind) string {
	if kind == "" {
		return "ok"
	}
	return string(kind)
}

// Bounds of classAges: kubelet asks for each volume about once a minute, so a
// class that nobody asked for in ten has no pod on this node any more.
const (
	classForgotten = 10 * time.Minute
	maxClasses     = 2000
	maxOfNamespace = 200 // so that one namespace cannot push out the others
)

// classAges tells for each SecretProviderClass how long ago its last good mount
// was. The driver hides failed rotations from users, so this is where they show.
// A class that never had a good mount counts from when it was first asked for.
type classAges struct {
	now func() time.Time

	mu      sync.Mutex
	byClass map[string]*classAge
}

type classAge struct{ asked, good time.Time }

var classAgeDesc = prometheus.NewDesc("ovhcloud_csi_seconds_since_good_mount",
	"Seconds since the last good mount of a SecretProviderClass on this node, or since it was first asked for.",
	[]string{"secretproviderclass"}, nil)

func (c *classAges) mounted(class string, good bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	age := c.byClass[class]
	if age == nil {
		c.forget(now)
		if len(c.byClass) >= maxClasses || c.ofNamespaceOf(class) >= maxOfNamespace {
			return
		}
		age = &classAge{good: now}
		c.byClass[class] = age
	}
	age.asked = now
	if good {
		age.good = now
	}
}

// ofNamespaceOf counts the classes of a class's namespace.
func (c *classAges) ofNamespaceOf(class string) (n int) {
	namespace, _, _ := strings.Cut(class, "/")
	for other := range c.byClass {
		if strings.HasPrefix(other, namespace+"/") {
			n++
		}
	}
	return n
}

func (c *classAges) forget(now time.Time) {
	for class, age := range c.byClass {
		if now.Sub(age.asked) > classForgotten {
			delete(c.byClass, class)
		}
	}
}

// Describe implements prometheus.Collector.
func (c *classAges) Describe(out chan<- *prometheus.Desc) { out <- classAgeDesc }

// Collect implements prometheus.Collector.
func (c *classAges) Collect(out chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	c.forget(now)
	for class, age := range c.byClass {
		out <- prometheus.MustNewConstMetric(classAgeDesc, prometheus.GaugeValue, now.Sub(age.good).Seconds(), class)
	}
}
