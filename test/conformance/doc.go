// SPDX-License-Identifier: Apache-2.0

// Package conformance checks what this project believes of OKMS, against the emulator in each run of
// the tests, and against a real OKMS domain with `make live`. docs/live.md says what it touches.
package conformance
