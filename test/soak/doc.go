// Package soak mounts thousands of times, through rotation, failures of the
// store and changes of credentials, and proves that memory, goroutines and
// descriptors come back to where they were. Everything is in its test: a short
// one, or for as long as SOAK says (make soak).
//
// It measures nothing else: what a mount costs is test/bench's.
package soak
