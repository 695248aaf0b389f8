// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"encoding/json"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql"
)

// panel is what the dashboard's JSON says of a panel, as far as the picture shows it.
type panel struct {
	Type, Title string
	GridPos     struct{ X, Y, W, H int }
	FieldConfig struct {
		Defaults  look
		Overrides []struct {
			Matcher    struct{ ID, Options string }
			Properties []struct {
				ID    string
				Value struct{ FixedColor string }
			}
		}
	}
	Targets []struct{ Expr, LegendFormat string }
	Options struct{ Legend struct{ Calcs []string } }
}

// look is how a panel shows values.
type look struct {
	Unit, NoValue string
	Max, Decimals *float64
	Thresholds    struct {
		Steps []struct {
			Color string
			Value *float64
		}
	}
	Mappings []struct {
		Options map[string]struct{ Text, Color string }
	}
	Custom struct {
		FillOpacity               float64
		Stacking, ThresholdsStyle struct{ Mode string }
	}
}

// panels returns those of the chart's dashboard.
func panels(t *testing.T) []panel {
	t.Helper()
	text, err := os.ReadFile("../../../charts/ovhcloud-csi-provider/files/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct{ Panels []panel }
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	return dashboard.Panels
}

// query returns an expression of a panel with the values of the dashboard's variables: all instances, and the interval
// that Grafana uses for a scrape each minute.
func query(expression string) string {
	return strings.NewReplacer("$instance", ".*", "$__rate_interval", "4m").Replace(expression)
}

// curve is a series of a panel. Its values are a step apart; NaN is none.
type curve struct {
	name, color string
	values      []float64
}

// last is the newest value; NaN if there is none.
func (c curve) last() float64 { return c.values[len(c.values)-1] }

// curves returns what a panel shows of a history.
func (p panel) curves(t *testing.T, d database, begin, end time.Time, step time.Duration) (all []curve) {
	t.Helper()
	for _, target := range p.Targets {
		q, err := engine.NewRangeQuery(t.Context(), d, nil, query(target.Expr), begin, end, step)
		if err != nil {
			t.Fatalf("%s: %v", target.Expr, err)
		}
		matrix, err := q.Exec(t.Context()).Matrix()
		if err != nil {
			t.Fatalf("%s: %v", target.Expr, err)
		}
		for _, series := range matrix {
			c := curve{name: legend(target.LegendFormat, series), values: make([]float64, end.Sub(begin)/step+1)}
			for i := range c.values {
				c.values[i] = math.NaN()
			}
			for _, point := range series.Floats {
				c.values[(point.T-begin.UnixMilli())/step.Milliseconds()] = point.F
			}
			all = append(all, c)
		}
		q.Close()
	}
	slices.SortStableFunc(all, func(a, b curve) int { return strings.Compare(a.name, b.name) })
	for i := range all {
		all[i].color = p.colorOf(all[i].name, i)
	}
	return all
}

// legend returns the name of a series.
func legend(format string, series promql.Series) string {
	name := regexp.MustCompile(`\{\{(\w+)\}\}`).ReplaceAllStringFunc(format, func(label string) string {
		return series.Metric.Get(strings.Trim(label, "{}"))
	})
	return strings.TrimSpace(name)
}

// palette are the colours of Grafana's series, and names its colours by name.
var (
	palette = []string{"#73bf69", "#f2cc0c", "#5794f2", "#ff9830", "#f2495c", "#b877d9", "#8ab8ff", "#ffa6b0"}
	names   = map[string]string{"green": "#56a64b", "orange": "#ff780a", "red": "#e02f44", "yellow": "#f2cc0c",
		"blue": "#3274d9", "purple": "#a352cc", "text": "#6e7480"}
)

// colorOf returns the colour of the series with this name and number: that of the override which matches, if one does.
func (p panel) colorOf(name string, number int) string {
	color := palette[number%len(palette)]
	for _, o := range p.FieldConfig.Overrides {
		matches := o.Matcher.Options == name
		if o.Matcher.ID == "byRegexp" {
			matches = regexp.MustCompile(strings.Trim(o.Matcher.Options, "/")).MatchString(name)
		}
		for _, property := range o.Properties {
			if matches && property.ID == "color" {
				color = names[property.Value.FixedColor]
			}
		}
	}
	return color
}

// threshold returns the colour of a value, and its text if a mapping has one.
func (l look) threshold(value float64) (color, text string) {
	text = l.format(value)
	for _, step := range l.Thresholds.Steps {
		if step.Value == nil || value >= *step.Value {
			color = names[step.Color]
		}
	}
	for _, mapping := range l.Mappings {
		if known, has := mapping.Options[short(value)]; has {
			color, text = names[known.Color], known.Text
		}
	}
	return color, text
}
