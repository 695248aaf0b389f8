// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package main

// notDumpable does nothing: other systems have no such setting, and RLIMIT_CORE is enough.
func notDumpable() error { return nil }
