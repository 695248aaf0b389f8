// SPDX-License-Identifier: Apache-2.0

package server

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"ovhcloud-csi-provider/provider/budget"
	"ovhcloud-csi-provider/server/lines"
	"ovhcloud-csi-provider/server/series"
)

// described returns what the registry says of each metric.
func described(m *Metrics) (all []string) {
	out := make(chan *prometheus.Desc)
	go func() {
		defer close(out)
		m.registry.Describe(out)
	}()
	for d := range out {
		if strings.Contains(d.String(), `fqName: "ovhcloud_csi_`) {
			all = append(all, d.String())
		}
	}
	slices.Sort(all)
	return all
}

func TestTheRegistryHasTheMetricsOfTheTable(t *testing.T) {
	var want []string
	for _, m := range series.All() {
		d := make(chan *prometheus.Desc, 1)
		m.Collected().Describe(d)
		want = append(want, (<-d).String())
	}
	slices.Sort(want)
	if got := described(NewMetrics("1")); !slices.Equal(got, want) {
		t.Errorf("the registry has\n%s\nand the table\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestDocsUseMetricsThatExist(t *testing.T) {
	exist := map[string]bool{}
	for _, m := range series.All() {
		exist[m.Name] = true
		if m.Type == series.Histogram { // what Prometheus makes of one
			exist[m.Name+"_bucket"], exist[m.Name+"_sum"], exist[m.Name+"_count"] = true, true, true
		}
	}
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil || len(pages) < 5 {
		t.Fatal(pages, err)
	}
	for _, page := range append(pages, "../README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile(`ovhcloud_csi_[a-z0-9_]+[a-z0-9]`).FindAllString(string(text), -1) {
			if !exist[name] {
				t.Errorf("%s has %s, which is not a metric", page, name)
			}
		}
	}
}

func TestMetricsHaveWhatLogAndAuditLost(t *testing.T) {
	m := NewMetrics("1")
	for _, name := range []string{"log_lines", "audit_records"} {
		wantPage(t, m, "ovhcloud_csi_"+name+`_lost_total{reason="failed"} 0`,
			"ovhcloud_csi_"+name+`_lost_total{reason="slow"} 0`)
	}
	m.lost.log = func() lines.Lost { return lines.Lost{Full: 3, Failed: 2} }
	m.lost.audit = func() lines.Lost { return lines.Lost{Full: 5, Failed: 4} }
	wantPage(t, m, `ovhcloud_csi_log_lines_lost_total{reason="failed"} 2`,
		`ovhcloud_csi_log_lines_lost_total{reason="slow"} 3`,
		`ovhcloud_csi_audit_records_lost_total{reason="failed"} 4`, `ovhcloud_csi_audit_records_lost_total{reason="slow"} 5`)
}

func TestMetricsHaveTheStateOfTheBudget(t *testing.T) {
	m, b := NewMetrics("1"), budget.New(0)
	m.state.budget = b
	a := b.Open("shop")
	defer a.Close()
	if a.Take(budget.Holding, b.Total) || !a.Take(budget.Holding, 1000) {
		t.Error("the budget is not as expected")
	}
	wantPage(t, m, `ovhcloud_csi_memory_budget_used_bytes{part="secrets"} 1000`,
		`ovhcloud_csi_memory_budget_refusals_total{part="secrets"} 1`,
		`ovhcloud_csi_memory_budget_refusals_total{part="clients"} 0`)
}

// wantPage checks that the page of m has these lines.
func wantPage(t *testing.T, m *Metrics, want ...string) {
	t.Helper()
	page := httptest.NewRecorder()
	m.handler().ServeHTTP(page, httptest.NewRequest("GET", "/metrics", nil))
	for _, line := range want {
		if !strings.Contains(page.Body.String(), "\n"+line+"\n") {
			t.Errorf("the page lacks %s", line)
		}
	}
}
