// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What bats prints is cut into pieces at any place.
func TestScenariosAreCounted(t *testing.T) {
	const text = "== wrong\n1..4\nok 1 a wrong class in 12sec\nnot ok 2 a wrong token, not ok at all in 850ms\n" +
		"# (in test file wrong.bats, line 3)\nok 3 needs more # skip fileKeyRef needs Kubernetes 1.35\nok 4 last\n"
	for size := 1; size <= len(text); size++ {
		var o outcome
		for piece := range slices.Chunk([]byte(text), size) {
			if n, err := o.Write(piece); n != len(piece) || err != nil {
				t.Fatal(n, err)
			}
		}
		if o.passed != 2 || o.skipped != 1 || strings.Join(o.failed, ";") != "a wrong token, not ok at all" {
			t.Fatalf("in pieces of %d bytes: %+v", size, o)
		}
	}
}

// A run replaces the row of its pair and leaves the others.
func TestRowsOfOtherPairsStay(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(page, []byte("before\n"+begin+"<!-- to here -->\n"+"after\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, r := range []result{
		{name: "1.37.2/1.6.1", day: "2026-01-01", outcome: outcome{passed: 3, failed: []string{"one"}}},
		{name: "1.36.3/1.6.1", day: "2026-01-02", outcome: outcome{passed: 4, skipped: 1}},
		{name: "1.37.2/1.6.1", day: "2026-01-03", outcome: outcome{passed: 4}},
	} {
		if err := write(page, r); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	want := "before\n" + begin + "\n" + header + "| 1.37.2 | 1.6.1 | 2026-01-03 | 4 | 0 | |\n" +
		"| 1.36.3 | 1.6.1 | 2026-01-02 | 4 | 1 | |\n\n<!-- to here -->\nafter\n"
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
