// SPDX-License-Identifier: Apache-2.0

package class_test

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/plan/plantest"
)

// What is looked for in a class that is wrong grows with its text, and not with the square
// of it: ten times as many entries take at most twenty times as much memory.
func TestHintsOfALongListGrowWithItsLength(t *testing.T) {
	for name, entry := range map[string]string{
		"plain entries": "- word/\n", "odd signs": "- secretPath: a\u00a0\u201c\n", "quotes": "- 'x': \"\"\n",
		"unknown fields": "- {secretPath: a, property: k}\n",
	} {
		allocated := func(entries int) uint64 {
			r := plantest.Request(plantest.With("objects", strings.Repeat(entry, entries)))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			plantest.Of(r, nil, time.Time{})
			runtime.ReadMemStats(&after)
			return after.TotalAlloc - before.TotalAlloc
		}
		if few, many := allocated(90), allocated(900); many > 20*few {
			t.Errorf("%s: %d bytes for 90 entries, %d for 900", name, few, many)
		}
	}
}
