// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"maps"
	"math"
	"testing"
	"time"
)

// A panel that shows nothing of a node with trouble looks as if all were well.
func TestEachPanelShowsData(t *testing.T) {
	healthy, broken := read(t, "healthy"), read(t, "store-limits")
	healthy.values["process_resident_memory_bytes"], healthy.values["process_cpu_seconds_total"] = 40e6, 2
	for name := range maps.Clone(broken.values) { // what is new is there before the break, too
		if _, known := healthy.values[name]; !known {
			healthy.values[name] = 1
		}
	}
	healthy.values[`ovhcloud_csi_mounts_total{result="failing"}`] = 1
	stored, queries := history(t, healthy, broken, "store/shop"), 0
	for _, panel := range panels(t) {
		for _, target := range panel.Targets {
			queries++
			expression := query(target.Expr)
			result := stored.query(t, expression, broken.at)
			if len(result) == 0 {
				t.Errorf("the panel %q is empty: %s", panel.Title, expression)
			}
			for _, sample := range result {
				if math.IsNaN(sample.F) {
					t.Errorf("the panel %q has no number for %s: %s", panel.Title, sample.Metric, expression)
				}
			}
			if panel.Title == "Classes not renewed" && stored.query(t, expression, broken.at.Add(20*time.Minute))[0].F != 1 {
				t.Errorf("the panel %q does not count the class", panel.Title)
			}
		}
	}
	if queries < 20 {
		t.Errorf("the dashboard has %d queries", queries)
	}
}
