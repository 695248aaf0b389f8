// SPDX-License-Identifier: Apache-2.0

//go:build !race

// Package withrace says whether the tests run with the race detector, which makes them five to twenty times slower.
package withrace

// On is true with the race detector.
const On = false
