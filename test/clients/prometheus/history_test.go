// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
)

// recording is a scrape: its time, and its values by series.
type recording struct {
	at     time.Time
	values map[string]float64
}

// read returns a recording of test/scrapes.
func read(t *testing.T, name string) recording {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../scrapes/recorded", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	r := recording{values: map[string]float64{}}
	for line := range strings.Lines(string(text)) {
		space := strings.LastIndexByte(line, ' ')
		value, err := strconv.ParseFloat(strings.TrimSpace(line[space:]), 64)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if line[:space] == "#" {
			r.at = time.Unix(int64(value), 0)
			continue
		}
		r.values[line[:space]] = value
	}
	return r
}

const (
	before = 70 * time.Minute // of health
	after  = 80 * time.Minute // of the break
)

var (
	counter = regexp.MustCompile(`_(total|bucket|count|sum)(\{|$)`)
	age     = regexp.MustCompile(`^ovhcloud_csi_seconds_since_good_mount\{secretproviderclass="(.*)"\}`)
)

// history returns what Prometheus has stored of a node that was healthy and then broke: a scrape each minute. In each
// minute a counter grows by what it is in the recordings: the healthy one, and its difference to the broken one. Other
// series have the recorded values. The age of the classes that are stuck grows with the time; others have a mount each
// minute.
func history(t *testing.T, healthy, broken recording, stuck ...string) database {
	t.Helper()
	var d database
	all := maps.Clone(healthy.values)
	maps.Copy(all, broken.values)
	for name, last := range all {
		usual, hasUsual := healthy.values[name]
		if class := age.FindStringSubmatch(name); class != nil {
			last, usual = 30, 30
			for _, s := range stuck {
				if s == class[1] {
					last = -1
				}
			}
		}
		var series promql.Series
		series.Metric = scraped(t, name)
		for minute := -before; minute <= after; minute += time.Minute {
			value, passed := usual, (minute + before).Minutes()
			switch {
			case minute < 0 && !hasUsual:
				continue
			case counter.MatchString(name) && minute <= 0:
				value = usual * passed
			case counter.MatchString(name):
				value = usual*before.Minutes() + max(0, last-usual)*minute.Minutes()
			case minute > 0 && last == -1:
				value = minute.Seconds()
			case minute > 0:
				value = last
			}
			series.Floats = append(series.Floats, promql.FPoint{T: broken.at.Add(minute).UnixMilli(), F: value})
		}
		d = append(d, series)
	}
	return d
}

// scraped returns the labels of a series with those that Prometheus and the chart's monitors add.
func scraped(t *testing.T, name string) labels.Labels {
	t.Helper()
	metric, err := language.ParseMetric(name)
	if err != nil {
		t.Fatal(err)
	}
	b := labels.NewBuilder(metric)
	b.Set("instance", "192.0.2.1:8080").Set("node", "node-1").Set("pod", "ovhcloud-csi-provider-x")
	return b.Labels()
}
