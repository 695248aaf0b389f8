// SPDX-License-Identifier: Apache-2.0

// Package image says in what environment the image runs the daemon, for tests and
// benchmarks that run it without a container.
package image

// Env is the environment variable that the image sets: Go overwrites memory when it
// collects it.
const Env = "GODEBUG=clobberfree=1"
