// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// bomb returns a document in which each anchor is a list, or a map by merges, of ten aliases of the one before.
func bomb(levels int, merged bool) string {
	text := "kind: List\na0: &a0 {x: y}\n"
	for i := 1; i <= levels; i++ {
		name, before := string(rune('a'+i)), "*"+string(rune('a'+i-1))
		if i == 1 {
			before = "*a0"
		}
		list := "[" + strings.TrimSuffix(strings.Repeat(before+", ", 10), ", ") + "]"
		if merged {
			list = "{<<: " + list + "}"
		}
		text += name + ": &" + name + " " + list + "\n"
	}
	return text + "items: *" + string(rune('a'+levels)) + "\n"
}

// TestAliasesAreBounded: the finding is at the alias, and neither time nor memory are spent on the rest.
func TestAliasesAreBounded(t *testing.T) {
	for name, c := range map[string]struct {
		text         string
		line, column int
		want         string
	}{
		"lists":  {bomb(9, false), 7, 28, "aliases make the document too large"},
		"merges": {bomb(9, true), 7, 29, "aliases make the document too large"},
		"an anchor itself": {"kind: List\nitems: &a\n  - kind: List\n    items: *a\n", 4, 12,
			`the anchor "a" contains itself`},
		"a merge of itself": {"kind: Pod\nmetadata: &m {<<: *m}\n", 2, 19, `the anchor "m" contains itself`},
	} {
		got := Run([]Source{{"x", c.text + "---\n" + classText + podText}})
		if len(got) != 1 || got[0].ID != "OVH001" || !strings.HasPrefix(got[0].Message, c.want) || got[0].Column != c.column {
			t.Errorf("%s: %+v, want %d:%d %s", name, got, c.line, c.column, c.want)
		}
	}
}

// TestAliasesOfPeopleAreFollowed: those of hand-written objects are far from the bound.
func TestAliasesOfPeopleAreFollowed(t *testing.T) {
	text := "kind: List\nitems:\n- kind: ConfigMap\n  data: &d {a: b}\n"
	for range 1000 {
		text += "- kind: ConfigMap\n  data: {<<: *d, c: *d}\n"
	}
	if got := Run([]Source{{"x", text + "---\n" + classText}}); len(got) > 0 {
		t.Errorf("%+v", got[0])
	}
}

// FuzzLint checks that no text stops lint, and that each finding has a place within its text.
func FuzzLint(f *testing.F) {
	f.Add(classText + podText)
	f.Add(bomb(3, true))
	f.Add("kind: List\nitems: &a\n- *a\n")
	for _, s := range seeds {
		if len(s.by) < 1000 {
			f.Add(strings.Replace(strings.Replace(seeded, s.change, s.by, 1), "‸", "", 1))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<16 {
			return
		}
		lines := strings.Split(text, "\n")
		for _, found := range Check([]Source{{"x", text}}, Options{Applied: []Source{{"y", text}}}) {
			if found.Line < 1 || found.Line > len(lines) {
				t.Fatalf("%+v: the text has %d lines", found, len(lines))
			}
			if most := utf8.RuneCountInString(lines[found.Line-1]) + 1; found.Column < 1 || found.Column > most {
				t.Fatalf("%+v: the line has %d columns: %q", found, most, lines[found.Line-1])
			}
			if found.Message == "" || found.ID == "" {
				t.Fatalf("%+v", found)
			}
		}
	})
}
