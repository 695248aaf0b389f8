// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/template"
	"github.com/prometheus/prometheus/util/annotations"
)

var engine = promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: time.Minute, Parser: language})

var language = parser.NewParser(parser.Options{})

// alertsFile is relative to this folder.
const alertsFile = "../../../charts/ovhcloud-csi-provider/files/alerts.yaml"

// database is what Prometheus has stored.
type database []promql.Series

func (d database) Querier(_, _ int64) (storage.Querier, error) { return &querier{d: d}, nil }

type querier struct {
	storage.MockQuerier // for what rules never ask: names and values of labels
	d                   database
}

// Select returns the series that match.
func (q *querier) Select(_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher,
) storage.SeriesSet {
	found := &seriesSet{}
	for _, s := range q.d {
		if !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches(s.Metric.Get(m.Name)) }) {
			found.rest = append(found.rest, s)
		}
	}
	return found
}

type seriesSet struct {
	at   promql.Series
	rest database
}

func (s *seriesSet) Next() bool {
	if len(s.rest) == 0 {
		return false
	}
	s.at, s.rest = s.rest[0], s.rest[1:]
	return true
}
func (s *seriesSet) At() storage.Series              { return promql.NewStorageSeries(s.at) }
func (*seriesSet) Err() error                        { return nil }
func (*seriesSet) Warnings() annotations.Annotations { return nil }

// query returns the value of an expression at a time.
func (d database) query(t *testing.T, expression string, at time.Time) promql.Vector {
	t.Helper()
	q, err := engine.NewInstantQuery(t.Context(), d, nil, expression, at)
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	defer q.Close()
	result := q.Exec(t.Context())
	vector, err := result.Vector()
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return slices.Clone(vector)
}

// rules returns the chart's alerts, checked as promtool does.
func rules(t *testing.T) []rulefmt.Rule {
	t.Helper()
	groups, errs := rulefmt.ParseFile(alertsFile, false, model.UTF8Validation, language, promslog.NewNopLogger())
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	var all []rulefmt.Rule
	for _, g := range groups.Groups {
		all = append(all, g.Rules...)
	}
	return all
}

// fired is an alert that fires.
type fired struct {
	alert, summary string
	after          time.Duration // since the break
}

// firing evaluates the rules each minute from begin to end, as Prometheus does: an alert fires when its expression had
// a value for a set of labels for the time of the rule. It returns the first time of each alert.
func (d database) firing(t *testing.T, all []rulefmt.Rule, begin, broken, end time.Time) (first []fired) {
	t.Helper()
	for _, rule := range all {
		since := map[uint64]time.Time{}
	minutes:
		for now := begin; !now.After(end); now = now.Add(time.Minute) {
			active := map[uint64]time.Time{}
			for _, sample := range d.query(t, rule.Expr, now) {
				id := sample.Metric.Hash()
				if active[id] = now; !since[id].IsZero() {
					active[id] = since[id]
				}
				if now.Sub(active[id]) >= time.Duration(rule.For) {
					first = append(first, fired{alert: rule.Alert, summary: expand(t, rule, sample, now), after: now.Sub(broken)})
					break minutes
				}
			}
			since = active
		}
	}
	return first
}

// expand returns the summary of an alert that fires.
func expand(t *testing.T, rule rulefmt.Rule, sample promql.Sample, now time.Time) string {
	t.Helper()
	data := template.AlertTemplateData(sample.Metric.Map(), nil, "", sample)
	text := "{{$labels := .Labels}}{{$value := .Value}}" + rule.Annotations["summary"]
	at := model.TimeFromUnix(now.Unix())
	summary, err := template.NewTemplateExpander(t.Context(), text, rule.Alert, data, at, nil, nil, nil).Expand()
	if err != nil || strings.Contains(summary, "<no value>") || strings.Contains(summary, "  ") {
		t.Errorf("%s: the summary is %q, %v", rule.Alert, summary, err)
	}
	return summary
}
