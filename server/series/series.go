// SPDX-License-Identifier: Apache-2.0

// Package series is the one table of the daemon's metrics: their names, types, labels with
// every value that they can have, and meaning. The metrics, their reference page, and the
// bound of the number of series come from it.
package series

import (
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// Type is the type of a metric for Prometheus.
type Type string

// The types.
const (
	Counter   Type = "counter"
	Gauge     Type = "gauge"
	Histogram Type = "histogram"
)

// Label is a label of metrics.
type Label struct {
	Name string
	// Values are all values that the label can have. nil means that they are names, of
	// which there are at most Most.
	Values []string
	// Says is what the values are. It may be empty if there are Values.
	Says string
	// Most is how many values there are at once. 0 means the number of Values.
	Most int
}

// Metric is one metric.
type Metric struct {
	Name   string
	Type   Type
	Help   string
	Labels []Label
	// Buckets are the upper bounds of a Histogram.
	Buckets []float64
	// Sets is how many sets of label values there are at once. 0 means the product of the
	// labels' values.
	Sets int
}

// all are the metrics in the order of their definition.
var all []*Metric

// define adds a metric to the table. Its name gets the prefix of all.
func define(m Metric) *Metric {
	m.Name = "ovhcloud_csi_" + m.Name
	all = append(all, &m)
	return &m
}

// All returns every metric, in the order of the reference page.
func All() []*Metric { return all }

// sets returns how many sets of label values there are at most.
func (m *Metric) sets() int {
	if m.Sets > 0 {
		return m.Sets
	}
	n := 1
	for _, l := range m.Labels {
		n *= l.most()
	}
	return n
}

func (l Label) most() int {
	if l.Most > 0 {
		return l.Most
	}
	return len(l.Values)
}

// Most returns how many series the metric has at most, on one node and at once.
func (m *Metric) Most() int {
	if m.Type == Histogram {
		return m.sets() * (len(m.Buckets) + 3) // the bucket +Inf, the sum and the count
	}
	return m.sets()
}

// Sum returns how many series all metrics have at most, on one node and at once.
func Sum() (n int) {
	for _, m := range all {
		n += m.Most()
	}
	return n
}

// names returns the names of the labels.
func (m *Metric) names() (names []string) {
	for _, l := range m.Labels {
		names = append(names, l.Name)
	}
	return names
}

// Counters returns the counters of a metric, one for each set of label values.
func (m *Metric) Counters() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: m.Name, Help: m.Help}, m.names())
}

// Gauges returns the gauges of a metric, one for each set of label values.
func (m *Metric) Gauges() *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: m.Name, Help: m.Help}, m.names())
}

// Histograms returns the histograms of a metric, one for each set of label values.
func (m *Metric) Histograms() *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: m.Name, Help: m.Help, Buckets: m.Buckets}, m.names())
}

// Collected is a metric whose values are collected when /metrics is read.
type Collected struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

// Collected returns the metric for a prometheus.Collector.
func (m *Metric) Collected() Collected {
	kind := prometheus.GaugeValue
	if m.Type == Counter {
		kind = prometheus.CounterValue
	}
	return Collected{prometheus.NewDesc(m.Name, m.Help, m.names(), nil), kind}
}

// Describe sends what a Collector says of the metric.
func (c Collected) Describe(out chan<- *prometheus.Desc) { out <- c.desc }

// Send sends a value with the values of the labels, in their order. What is not UTF-8 in
// them is replaced.
func (c Collected) Send(out chan<- prometheus.Metric, value float64, labels ...string) {
	for i, l := range labels {
		labels[i] = strings.ToValidUTF8(l, "\uFFFD")
	}
	out <- prometheus.MustNewConstMetric(c.desc, c.kind, value, labels...)
}

// Reference returns the tables of the reference page, in Markdown.
func Reference() string {
	var text strings.Builder
	text.WriteString("| name | type | labels | series | meaning |\n| --- | --- | --- | --- | --- |\n")
	for _, m := range all {
		labels := ""
		if names := m.names(); len(names) > 0 {
			labels = "`" + strings.Join(names, "`, `") + "`"
		}
		fmt.Fprintf(&text, "| `%s` | %s | %s | %d | %s |\n", m.Name, m.Type, labels, m.Most(), m.Help)
	}
	fmt.Fprintf(&text, "| all of them | | | %d | |\n", Sum())
	text.WriteString("\n| label | of | values |\n| --- | --- | --- |\n")
	for _, row := range labelRows() {
		fmt.Fprintf(&text, "| `%s` | %s | %s |\n", row.label.Name, strings.Join(row.of, ", "), row.label.values())
	}
	return text.String()
}

// labelRow is a label with the metrics that have it with the same values.
type labelRow struct {
	label Label
	of    []string
}

func labelRows() (rows []*labelRow) {
	for _, m := range all {
	next:
		for _, l := range m.Labels {
			name := "`" + strings.TrimPrefix(m.Name, "ovhcloud_csi_") + "`"
			for _, row := range rows {
				if row.label.Name == l.Name && row.label.values() == l.values() {
					row.of = append(row.of, name)
					continue next
				}
			}
			rows = append(rows, &labelRow{l, []string{name}})
		}
	}
	return rows
}

// values returns the values for the reference page.
func (l Label) values() string {
	var parts []string
	if l.Says != "" {
		parts = append(parts, l.Says)
	}
	switch {
	case l.Values == nil:
		parts = append(parts, fmt.Sprintf("at most %d", l.Most))
	case slices.ContainsFunc(l.Values, func(v string) bool { return !strings.Contains(l.Says, "`"+v+"`") }):
		parts = append(parts, "`"+strings.Join(l.Values, "`, `")+"`")
	}
	return strings.Join(parts, "; ")
}
