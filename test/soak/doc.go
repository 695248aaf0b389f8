// SPDX-License-Identifier: Apache-2.0

// Package soak runs thousands of mounts through rotation, failures of the store
// and changes of credentials. Its test checks that memory, goroutines and file
// descriptors return to their level before. The test is short by default; SOAK
// sets its duration (make soak).
//
// It measures nothing else. The cost of a mount is measured by test/bench.
package soak
