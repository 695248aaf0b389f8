// SPDX-License-Identifier: Apache-2.0

// Package scrapes records what a daemon's /metrics says before and after something is broken. The
// tests of test/clients/prometheus give these recordings to the chart's alerts and dashboard.
package scrapes
