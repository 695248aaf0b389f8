// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"math"
	"strconv"
	"testing"
)

// scale is a unit: how many of it make a value, and its name.
type scale struct {
	size float64
	name string
}

// scales are the units that Grafana uses for a unit's values, the smallest first.
var scales = map[string][]scale{
	"s": {{1e-6, " µs"}, {1e-3, " ms"}, {1, " s"}, {60, " min"}, {3600, " h"}, {86400, " days"}, {604800, " weeks"},
		{31536000, " years"}},
	"bytes":       {{1, " B"}, {1 << 10, " KiB"}, {1 << 20, " MiB"}, {1 << 30, " GiB"}},
	"ops":         {{1, " ops/s"}},
	"reqps":       {{1, " req/s"}},
	"percentunit": {{0.01, "%"}},
}

// short returns a number with three digits.
func short(value float64) string {
	return strconv.FormatFloat(value, 'g', max(3, len(strconv.Itoa(int(value)))), 64)
}

// format returns a value with its unit.
func (l look) format(value float64) string {
	if math.IsNaN(value) {
		return "no data"
	}
	unit := scale{1, ""}
	for i, s := range scales[l.Unit] {
		if i == 0 || math.Abs(value) >= s.size {
			unit = s
		}
	}
	if value == 0 && l.Unit == "s" {
		return "0 s"
	}
	if l.Decimals != nil {
		return strconv.FormatFloat(value/unit.size, 'f', int(*l.Decimals), 64) + unit.name
	}
	return short(value/unit.size) + unit.name
}

// ticks returns round numbers from 0 to at least the greatest value, which are round in the unit.
func (l look) ticks(greatest float64) []float64 {
	const most = 4
	unit := 1.0
	for _, s := range scales[l.Unit] {
		if greatest >= s.size {
			unit = s.size
		}
	}
	step := math.Pow(10, math.Floor(math.Log10(greatest/unit/most)))
	for _, times := range []float64{2, 2.5, 2} { // 1, 2, 5, 10 times a power of ten
		if step*most < greatest/unit {
			step *= times
		}
	}
	var ticks []float64
	for i := 0.0; len(ticks) == 0 || ticks[len(ticks)-1] < greatest*(1-1e-9); i++ {
		ticks = append(ticks, i*step*unit)
	}
	return ticks
}

func TestUnitsOfThePicture(t *testing.T) {
	for _, row := range []struct {
		unit  string
		value float64
		want  string
	}{
		{"s", 0, "0 s"}, {"s", 0.0123, "12.3 ms"}, {"s", 900, "15 min"}, {"s", 864000, "1.43 weeks"},
		{"bytes", 40 << 20, "40 MiB"}, {"percentunit", 0.5, "50%"}, {"ops", 0.4, "0.4 ops/s"}, {"short", 1234, "1234"},
		{"short", math.NaN(), "no data"},
	} {
		if got := (look{Unit: row.unit}).format(row.value); got != row.want {
			t.Errorf("%v %s: %q, want %q", row.value, row.unit, got, row.want)
		}
	}
	if got := (look{Unit: "s"}).ticks(1700); len(got) != 4 || got[1] != 600 {
		t.Errorf("the ticks of 1700 s are %v", got)
	}
	if got := (look{Unit: "short"}).ticks(3); len(got) != 4 || got[3] != 3 {
		t.Errorf("the ticks of 3 are %v", got)
	}
}
