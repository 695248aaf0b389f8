// SPDX-License-Identifier: Apache-2.0

// Package outages tests provider and server together while OKMS or a token endpoint is
// slow, down, limited or hidden behind a proxy: retries, the circuit breaker, stale
// values, and a connection's fallback. It holds tests only.
package outages
