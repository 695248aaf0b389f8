// SPDX-License-Identifier: Apache-2.0

//go:build race

package test

// withRace says that the tests are built with the race detector.
const withRace = true
