// SPDX-License-Identifier: Apache-2.0

package series

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

const (
	tablesBegin = "<!-- the test of server/series compares from here -->\n\n"
	tablesEnd   = "\n<!-- to here -->"
)

func TestTheReferencePageHasTheTable(t *testing.T) {
	page, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	_, tables, found := strings.Cut(string(page), tablesBegin)
	tables, _, ended := strings.Cut(tables, tablesEnd)
	if want := Reference(); !found || !ended || tables != want {
		t.Errorf("docs/metrics.md must have between its marks:\n%s", want)
	}
}

// linter returns a linter of all metrics, each with one series.
func linter(t *testing.T) *promlint.Linter {
	t.Helper()
	registry := prometheus.NewRegistry()
	for _, m := range All() {
		set := make([]string, len(m.Labels))
		for i, l := range m.Labels {
			set[i] = append(l.Values, "x")[0]
		}
		switch m.Type {
		case Counter:
			vec := m.Counters()
			vec.WithLabelValues(set...)
			registry.MustRegister(vec)
		case Gauge:
			vec := m.Gauges()
			vec.WithLabelValues(set...)
			registry.MustRegister(vec)
		case Histogram:
			vec := m.Histograms()
			vec.WithLabelValues(set...)
			registry.MustRegister(vec)
		default:
			t.Fatalf("%s has the type %q", m.Name, m.Type)
		}
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return promlint.NewWithMetricFamilies(families)
}

func TestMetricsFollowTheNamingRulesOfPrometheus(t *testing.T) {
	problems, err := linter(t).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestEachMetricIsDefinedInFull(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range All() {
		if seen[m.Name] {
			t.Errorf("%s is defined twice", m.Name)
		}
		seen[m.Name] = true
		if !strings.HasSuffix(m.Help, ".") && !strings.HasSuffix(m.Help, "label.") &&
			!strings.Contains(m.Help, "please report") {
			t.Errorf("%s: the help is no sentence: %s", m.Name, m.Help)
		}
		if (m.Type == Histogram) != (m.Buckets != nil) || strings.HasSuffix(m.Name, "_total") != (m.Type == Counter) {
			t.Errorf("%s: name, buckets and the type %s do not fit", m.Name, m.Type)
		}
		for _, l := range m.Labels {
			if l.most() == 0 || l.Values == nil && l.Says == "" {
				t.Errorf("%s: the label %s is not described, or has no bound", m.Name, l.Name)
			}
		}
	}
	if len(seen) < 15 {
		t.Errorf("there are %d metrics", len(seen))
	}
}

func TestSeriesAreCounted(t *testing.T) {
	two := Label{Name: "a", Values: []string{"x", "y"}}
	for want, m := range map[int]Metric{
		1: {Type: Counter}, 2: {Type: Gauge, Labels: []Label{two}},
		20: {Type: Counter, Labels: []Label{two, {Name: "b", Most: 10}}},
		3:  {Type: Counter, Labels: []Label{two, two}, Sets: 3}, 12: {Type: Histogram, Buckets: []float64{1, 2, 3},
			Labels: []Label{two}},
	} {
		if got := m.Most(); got != want {
			t.Errorf("%+v has %d series, want %d", m, got, want)
		}
	}
}

func TestStatusLabels(t *testing.T) {
	for status, want := range map[int]string{0: "0", 200: "200", 404: "404", 599: "other", 999: "other", -1: "other"} {
		if got := Status(status); got != want {
			t.Errorf("%d has the label %s", status, got)
		}
	}
}

// collector collects one series of each metric.
type collector []Collected

func (all collector) Describe(out chan<- *prometheus.Desc) {
	for _, c := range all {
		c.Describe(out)
	}
}

func (all collector) Collect(out chan<- prometheus.Metric) {
	for _, c := range all {
		c.Send(out, 3, "shop/\xff")
	}
}

func TestACollectedMetricHasItsTypeAndValidLabels(t *testing.T) {
	labels := []Label{{Name: "class"}}
	counter := Metric{Name: "counter", Type: Counter, Labels: labels}
	gauge := Metric{Name: "gauge", Type: Gauge, Labels: labels}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector{counter.Collected(), gauge.Collected()})
	families, err := registry.Gather()
	if err != nil || len(families) != 2 {
		t.Fatalf("%v, %v", families, err)
	}
	for i, want := range []string{"COUNTER 3 0 shop/\uFFFD", "GAUGE 0 3 shop/\uFFFD"} {
		m := families[i].GetMetric()[0]
		got := fmt.Sprintf("%s %g %g %s", families[i].GetType(), m.GetCounter().GetValue(), m.GetGauge().GetValue(),
			m.GetLabel()[0].GetValue())
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
