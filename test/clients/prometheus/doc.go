// SPDX-License-Identifier: Apache-2.0

// Package prometheus gives the recordings of test/scrapes to the chart's alerts and dashboard, with
// Prometheus' own engine: which alerts fire, when, and with which text.
package prometheus
