// SPDX-License-Identifier: Apache-2.0

// Package admission tests the chart's admission policies with the API server's own plugin: what
// is refused, with which message, and how much evaluating them costs.
package admission
