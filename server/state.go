// SPDX-License-Identifier: Apache-2.0

package server

import (
	"github.com/prometheus/client_golang/prometheus"

	"ovhcloud-csi-provider/provider/budget"
	"ovhcloud-csi-provider/server/series"
)

// stateMetrics collects the state of the memory budget and of the circuit breakers.
type stateMetrics struct {
	budget   *budget.Budget                  // nil has no series
	breakers func() (opened, halfOpened int) // nil has no series
}

var (
	budgetSize     = series.Budget.Collected()
	budgetUsed     = series.BudgetUsed.Collected()
	budgetRefusals = series.Refusals.Collected()
	breakers       = series.Breakers.Collected()
)

// Describe implements prometheus.Collector.
func (*stateMetrics) Describe(out chan<- *prometheus.Desc) {
	for _, m := range []series.Collected{budgetSize, budgetUsed, budgetRefusals, breakers} {
		m.Describe(out)
	}
}

// Collect implements prometheus.Collector.
func (m *stateMetrics) Collect(out chan<- prometheus.Metric) {
	if m.budget != nil {
		for stage, name := range budget.Stages() {
			budgetSize.Send(out, float64(m.budget.Parts[stage]), name)
			budgetUsed.Send(out, float64(m.budget.UsedBy(stage)), name)
			budgetRefusals.Send(out, float64(m.budget.Refused(stage)), name)
		}
	}
	if m.breakers != nil {
		opened, halfOpened := m.breakers()
		breakers.Send(out, float64(opened), "open")
		breakers.Send(out, float64(halfOpened), "half_open")
	}
}
