// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
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

// since returns what a minute of a break adds to counters, and the other series during it.
func (r recording) since(healthy recording) map[string]float64 {
	values := maps.Clone(healthy.values)
	maps.Copy(values, r.values)
	for name, value := range values {
		if counter.MatchString(name) {
			values[name] = max(0, value-healthy.values[name])
		}
	}
	return values
}
