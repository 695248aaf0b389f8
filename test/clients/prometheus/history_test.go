// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"maps"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
)

const (
	before   = 70 * time.Minute // of health
	after    = 80 * time.Minute // of the break
	usualAge = 30               // seconds since the last mount of a class
)

var (
	counter = regexp.MustCompile(`_(total|bucket|count|sum)(\{|$)`)
	age     = regexp.MustCompile(`^ovhcloud_csi_seconds_since_good_mount\{secretproviderclass="(.*)"\}`)
)

// history returns what Prometheus has stored of a node that was healthy and then broke.
func history(t *testing.T, healthy, broken recording, stuck ...string) database {
	t.Helper()
	node := scraped{name: "node-1", instance: "192.0.2.1:8080", pod: "ovhcloud-csi-provider-x"}
	return node.history(t, broken.at.Add(-before), part{values: healthy.values, lasts: before},
		part{values: broken.since(healthy), lasts: after, stuck: stuck})
}

// part is a part of a history. In each of its minutes a counter grows by its value; other series have their value. The
// age of the classes that are stuck grows with the time; others have a mount each minute.
type part struct {
	values map[string]float64
	lasts  time.Duration
	stuck  []string
}

// scraped is a node, with the labels that Prometheus and the chart's monitors add.
type scraped struct {
	name, instance, pod string
	load                func(minute int) float64 // multiplies the growth of counters; nil is 1
}

// history returns the scrapes of a node, one a minute, in which the parts follow one another.
func (n scraped) history(t *testing.T, begin time.Time, parts ...part) (d database) {
	t.Helper()
	known := map[string]bool{}
	for _, p := range parts {
		for name := range p.values {
			known[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(known)) {
		metric, err := language.ParseMetric(name)
		if err != nil {
			t.Fatal(err)
		}
		all := labels.NewBuilder(metric).Set("instance", n.instance).Set("node", n.name).Set("pod", n.pod).Labels()
		d = append(d, promql.Series{Metric: all, Floats: n.scrapes(name, begin, parts)})
	}
	return d
}

// scrapes returns the values of a series. It begins with a 0 just before the first part that has it.
func (n scraped) scrapes(name string, begin time.Time, parts []part) (points []promql.FPoint) {
	at, minute, value := begin, 0, 0.0
	for i, p := range parts {
		if _, has := p.values[name]; !has && len(points) == 0 {
			at, minute = at.Add(p.lasts), minute+int(p.lasts.Minutes())
			continue
		}
		if len(points) == 0 {
			if i == 0 && !counter.MatchString(name) {
				value = p.value(name, 0, 1)
			}
			points = append(points, promql.FPoint{T: at.UnixMilli(), F: value})
		}
		for passed := 1; passed <= int(p.lasts.Minutes()); passed++ {
			at, minute = at.Add(time.Minute), minute+1
			now := p.value(name, passed, n.factor(minute))
			if counter.MatchString(name) {
				now += value
			}
			value = now
			points = append(points, promql.FPoint{T: at.UnixMilli(), F: value})
		}
	}
	return points
}

// value returns the value of a series, or the growth of a counter, in a minute of the part.
func (p part) value(name string, minute int, factor float64) float64 {
	class := age.FindStringSubmatch(name)
	switch {
	case class != nil && slices.Contains(p.stuck, class[1]):
		return 60 * float64(minute)
	case class != nil:
		return usualAge
	case counter.MatchString(name):
		return p.values[name] * factor
	}
	return p.values[name]
}

func (n scraped) factor(minute int) float64 {
	if n.load == nil {
		return 1
	}
	return n.load(minute)
}
