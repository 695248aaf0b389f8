// SPDX-License-Identifier: Apache-2.0

package test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"ovhcloud-csi-provider/server/series"
)

// metricLabels returns the labels of each metric that a daemon serves, as Prometheus stores them.
func metricLabels() map[string][]string {
	labels := map[string][]string{"process_resident_memory_bytes": nil, "process_cpu_seconds_total": nil}
	for _, m := range series.All() {
		var own []string
		for _, l := range m.Labels {
			own = append(own, l.Name)
		}
		labels[m.Name] = own
		if m.Type == series.Histogram {
			labels[m.Name+"_bucket"] = append([]string{"le"}, own...)
		}
	}
	return labels
}

// The parts of an expression: a metric with its selectors, the name of a label in a selector, and
// the labels of an aggregation.
var (
	metric    = regexp.MustCompile(`\b((?:ovhcloud_csi|process)_[a-z_]+)(\{[^}]*\})?`)
	labelName = regexp.MustCompile(`([a-z]+)(?:=|!=|=~|!~)"`)
	grouping  = regexp.MustCompile(`by \(([^)]*)\)`)
)

// scraped are the labels that Prometheus adds: by itself, or by the chart's monitors.
var scraped = []string{"instance", "node", "pod"}

// A panel on a metric or label that does not exist is empty, as if nothing were wrong.
func TestTheDashboardUsesMetricsAndLabelsThatExist(t *testing.T) {
	text, err := os.ReadFile("../charts/ovhcloud-csi-provider/files/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title, Type string
			Targets     []struct{ Expr, LegendFormat string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	known, used := metricLabels(), map[string]bool{}
	for _, panel := range dashboard.Panels {
		if len(panel.Targets) == 0 && panel.Type != "row" {
			t.Errorf("the panel %q shows nothing", panel.Title)
		}
		for _, shown := range panel.Targets {
			var may []string
			for _, m := range metric.FindAllStringSubmatch(shown.Expr, -1) {
				labels, exists := known[m[1]]
				if !exists {
					t.Errorf("the panel %q uses %s, which is not a metric", panel.Title, m[1])
				}
				used[m[1]] = true
				may = append(append(may, labels...), scraped...)
				for _, name := range labelName.FindAllStringSubmatch(m[2], -1) {
					if !slices.Contains(append(labels, scraped...), name[1]) {
						t.Errorf("the panel %q selects the label %s of %s, which does not have it", panel.Title, name[1], m[1])
					}
				}
				if !strings.Contains(m[2], `instance=~"$instance"`) {
					t.Errorf("the panel %q ignores the chosen instances in %s", panel.Title, shown.Expr)
				}
			}
			for _, group := range grouping.FindAllStringSubmatch(shown.Expr, -1) {
				for name := range strings.SplitSeq(group[1], ", ") {
					if !slices.Contains(may, name) {
						t.Errorf("the panel %q groups by %s, which no metric of it has: %s", panel.Title, name, shown.Expr)
					}
				}
			}
			if strings.Count(shown.Expr, "(") != strings.Count(shown.Expr, ")") {
				t.Errorf("the panel %q: brackets do not match in %s", panel.Title, shown.Expr)
			}
		}
	}
	if len(used) < 14 {
		t.Errorf("the dashboard uses %d metrics, want 14 or more", len(used))
	}
}
