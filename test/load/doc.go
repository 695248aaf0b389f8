// SPDX-License-Identifier: Apache-2.0

// Package load tests provider and server together with many mounts, many or large
// secrets, and full bounds: that reads are shared, that namespaces do not block each
// other, and that memory and connections stay bounded. It holds tests only.
package load
