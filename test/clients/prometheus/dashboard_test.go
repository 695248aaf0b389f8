// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"encoding/json"
	"maps"
	"math"
	"os"
	"strings"
	"testing"
	"time"
)

// A panel that shows nothing of a node with trouble looks as if all were well.
func TestEachPanelShowsData(t *testing.T) {
	text, err := os.ReadFile("../../../charts/ovhcloud-csi-provider/files/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	healthy, broken := read(t, "healthy"), read(t, "store-limits")
	healthy.values["process_resident_memory_bytes"], healthy.values["process_cpu_seconds_total"] = 40e6, 2
	for name := range maps.Clone(broken.values) { // what is new is there before the break, too
		if _, known := healthy.values[name]; !known {
			healthy.values[name] = 1
		}
	}
	stored, queries := history(t, healthy, broken, "store/shop"), 0
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			queries++
			query := strings.NewReplacer("$instance", ".*", "$__rate_interval", "5m").Replace(target.Expr)
			result := stored.query(t, query, broken.at)
			if len(result) == 0 {
				t.Errorf("the panel %q is empty: %s", panel.Title, query)
			}
			for _, sample := range result {
				if math.IsNaN(sample.F) {
					t.Errorf("the panel %q has no number for %s: %s", panel.Title, sample.Metric, query)
				}
			}
			if panel.Title == "Classes not renewed" && stored.query(t, query, broken.at.Add(20*time.Minute))[0].F != 1 {
				t.Errorf("the panel %q does not count the class", panel.Title)
			}
		}
	}
	if queries < 20 {
		t.Errorf("the dashboard has %d queries", queries)
	}
}
