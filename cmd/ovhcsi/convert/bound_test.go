// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"strings"
	"testing"

	"ovhcloud-csi-provider/cmd/ovhcsi/lint"
)

// TestTheInputIsBounded: the conversion reads at most 16 MiB. The YAML library takes seconds to scan as much, so the
// test reads as much as the bound with a lower one, and has Convert refuse what is longer, which is not scanned.
func TestTheInputIsBounded(t *testing.T) {
	files := func(first, second int) []lint.Source {
		return []lint.Source{{Name: "a.yaml", Text: strings.Repeat("#", first)},
			{Name: "b.yaml", Text: strings.Repeat("#", second)}}
	}
	for length, want := range map[int]int{4096: 0, 4097: 1} {
		c := &converter{report: &report{}}
		if c.read(files(length-1, 1), 4096); len(c.notes) != want {
			t.Errorf("%d bytes: got %+v", length, c.notes)
		}
	}
	result := Convert(files(1, MaxInput), Options{})
	if len(result.Notes) != 1 || result.Lossless() || !strings.Contains(result.Notes[0].Message, "16 MiB") {
		t.Errorf("got %+v", result.Notes)
	}
}
