// SPDX-License-Identifier: Apache-2.0

package test

import (
	"encoding/json"
	"fmt"
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

// mistakesOf returns what an expression has wrong: a metric or a label that does not exist, or brackets.
func mistakesOf(expression string) (wrong []string) {
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	known, may := metricLabels(), slices.Clone(scraped)
	for _, m := range metric.FindAllStringSubmatch(expression, -1) {
		labels, exists := known[m[1]]
		if !exists {
			say("%s is not a metric", m[1])
		}
		may = append(may, labels...)
		for _, name := range labelName.FindAllStringSubmatch(m[2], -1) {
			if !slices.Contains(labels, name[1]) && !slices.Contains(scraped, name[1]) {
				say("selects the label %s of %s, which does not have it", name[1], m[1])
			}
		}
	}
	for _, group := range grouping.FindAllStringSubmatch(expression, -1) {
		for name := range strings.SplitSeq(group[1], ", ") {
			if !slices.Contains(may, name) {
				say("groups by %s, which no metric of it has: %s", name, expression)
			}
		}
	}
	if strings.Count(expression, "(") != strings.Count(expression, ")") {
		say("brackets do not match in %s", expression)
	}
	return wrong
}

// dashboard is the chart's, as far as these tests read it.
type dashboard struct {
	Panels []struct {
		Title, Type string
		Targets     []struct{ Expr, LegendFormat string }
		FieldConfig struct {
			Overrides []struct{ Matcher struct{ Options string } }
		}
	}
}

func readDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	text, err := os.ReadFile("../charts/ovhcloud-csi-provider/files/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// The colours of these panels say whose fault a failure is. A new kind of failure needs one, and only one.
func TestEachResultAndStatusHasOneColour(t *testing.T) {
	names := map[string][]string{"Requests by status": {"kv2 0"}}
	for status := 100; status < 600; status++ {
		names["Requests by status"] = append(names["Requests by status"], "kv2 "+series.Status(status))
	}
	for _, m := range series.All() {
		switch m.Name {
		case "ovhcloud_csi_mounts_total":
			names["Mounts by result"] = m.Labels[0].Values
		case "ovhcloud_csi_secret_reads_total":
			names["Reads of secrets"] = m.Labels[0].Values
		}
	}
	panels := 0
	for _, p := range readDashboard(t).Panels {
		for _, legend := range names[p.Title] {
			colours := 0
			for _, o := range p.FieldConfig.Overrides {
				if regexp.MustCompile(strings.Trim(o.Matcher.Options, "/")).MatchString(legend) {
					colours++
				}
			}
			if colours != 1 {
				t.Errorf("%q has %d colours in the panel %q", legend, colours, p.Title)
			}
		}
		if len(names[p.Title]) > 0 {
			panels++
		}
	}
	if panels != 3 {
		t.Errorf("%d of these panels have series, want 3", panels)
	}
}

// A panel on a metric or label that does not exist is empty, as if nothing were wrong.
func TestTheDashboardUsesMetricsAndLabelsThatExist(t *testing.T) {
	used := map[string]bool{}
	for _, panel := range readDashboard(t).Panels {
		if len(panel.Targets) == 0 && panel.Type != "row" {
			t.Errorf("the panel %q shows nothing", panel.Title)
		}
		for _, shown := range panel.Targets {
			for _, wrong := range mistakesOf(shown.Expr) {
				t.Errorf("the panel %q: %s", panel.Title, wrong)
			}
			for _, m := range metric.FindAllStringSubmatch(shown.Expr, -1) {
				used[m[1]] = true
				if !strings.Contains(m[2], `instance=~"$instance"`) {
					t.Errorf("the panel %q ignores the chosen instances in %s", panel.Title, shown.Expr)
				}
			}
		}
	}
	if len(used) < 14 {
		t.Errorf("the dashboard uses %d metrics, want 14 or more", len(used))
	}
}
