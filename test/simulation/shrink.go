// SPDX-License-Identifier: Apache-2.0

package simulation

import (
	"slices"
	"time"
)

// mostRuns is how many histories Shrink tries.
const mostRuns = 600

// Shrink returns a history that is as short as it finds and that broken still holds for, as it does
// for h. It leaves out events, simplifies the setup, and ends the history early. broken reports
// whether a history breaks the rule in question.
func Shrink(h History, broken func(History) bool) History {
	runs := 0
	try := func(candidate History) bool {
		if runs++; runs > mostRuns || !broken(candidate) {
			return false
		}
		h = candidate
		return true
	}
	for before := len(h.Events) + 1; len(h.Events) < before; {
		before = len(h.Events)
		for size := max(1, len(h.Events)/2); size >= 1; size /= 2 {
			for at := 0; at < len(h.Events); {
				candidate := h
				candidate.Events = slices.Delete(slices.Clone(h.Events), at, min(at+size, len(h.Events)))
				if !try(candidate) {
					at += size
				}
			}
		}
	}
	for _, simpler := range simplifications {
		candidate := h
		simpler(&candidate.Setup)
		if candidate.Setup != h.Setup {
			try(candidate)
		}
	}
	return h
}

// simplifications make a setup more ordinary.
var simplifications = []func(*Setup){
	func(s *Setup) { s.TLS = false },
	func(s *Setup) { s.Reads = 64 },
	func(s *Setup) { s.Cache = 0 },
	func(s *Setup) { s.Stale = 0 },
	func(s *Setup) { s.Denial = 403 },
	func(s *Setup) { s.Rotation = 2 * time.Minute },
	func(s *Setup) { s.End /= 4 },
	func(s *Setup) { s.End /= 2 },
	func(s *Setup) { s.End = s.End * 3 / 4 },
}
