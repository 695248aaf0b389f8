// SPDX-License-Identifier: Apache-2.0

//go:build unix && !linux

package launch

import "syscall"

// adopt does nothing: only Linux lets a process adopt its descendants. Process 1 reaps them.
func adopt() {}

// realTime returns no signals.
func realTime() []syscall.Signal { return nil }
