// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"fmt"
	"maps"
	"math"
	"strings"
	"testing"
	"time"
)

// story returns the history that the picture shows: three nodes, a normal hour, 40 minutes of an outage of OKMS, ten in
// which OKMS limits requests, 20 of health, and then a token that was revoked. Recordings do not have the process, and
// nothing of durations in a break: these are made up.
func story(t *testing.T) (d database, begin, end time.Time) {
	t.Helper()
	begin = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	healthy, down, revoked := read(t, "healthy"), read(t, "store-down"), read(t, "token-revoked")
	limits := read(t, "store-limits").since(healthy)
	healthy.values[`ovhcloud_csi_credential_expiry_timestamp_seconds{connection="team"}`] =
		float64(begin.AddDate(0, 0, 40).Unix())
	well, outage, refused := healthy.values, down.since(healthy), revoked.since(healthy)
	maps.Copy(refused, durations(well, 0))
	maps.Copy(outage, durations(well, 5))
	maps.Copy(limits, durations(well, 2))
	parts := []part{{values: well, lasts: 70 * time.Minute},
		{values: outage, lasts: 40 * time.Minute, stuck: []string{"store/shop", "store/pay"}},
		{values: limits, lasts: 10 * time.Minute}, {values: well, lasts: 20 * time.Minute},
		{values: refused, lasts: 50 * time.Minute, stuck: []string{"store/pay"}}}
	for i := range 3 {
		node := scraped{name: fmt.Sprint("node-", i+1), instance: fmt.Sprintf("192.0.2.%d:8080", i+1),
			pod: fmt.Sprint("ovhcloud-csi-provider-", i+1)}
		node.load = func(minute int) float64 { return 1 + 0.15*math.Sin(float64(minute)/7+2*float64(i)) }
		for _, p := range parts {
			p.values["process_resident_memory_bytes"] = float64(38+3*i) * (1 << 20)
			p.values["process_cpu_seconds_total"] = 0.12 + 0.02*float64(i)
		}
		d = append(d, node.history(t, begin.Add(-10*time.Minute), parts...)...)
	}
	return d, begin, begin.Add(3 * time.Hour)
}

// durations returns the growth of the histograms in a minute, those of mounts and requests moved by so many buckets.
func durations(values map[string]float64, slower int) map[string]float64 {
	bounds := []string{"0.001", "0.003", "0.009000000000000001", "0.027000000000000003", "0.08100000000000002",
		"0.24300000000000005", "0.7290000000000001", "2.1870000000000003", "6.561000000000001", "19.683000000000003",
		"59.04900000000001", "+Inf"}
	moved := map[string]float64{}
	for name := range values {
		if strings.Contains(name, "_age_seconds_") {
			moved[name] = values[name]
		}
		if !strings.Contains(name, "_seconds_bucket{") || moved[name] > 0 {
			continue
		}
		for i, bound := range bounds {
			if from := fmt.Sprintf(`le="%s"`, bound); strings.Contains(name, from) && i >= slower {
				moved[name] = values[strings.Replace(name, from, fmt.Sprintf(`le="%s"`, bounds[i-slower]), 1)]
			}
		}
	}
	return moved
}
