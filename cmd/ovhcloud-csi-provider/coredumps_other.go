//go:build !linux

package main

// notDumpable does nothing: other systems have no such setting, and RLIMIT_CORE holds.
func notDumpable() error { return nil }
