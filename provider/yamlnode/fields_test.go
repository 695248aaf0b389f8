// SPDX-License-Identifier: Apache-2.0

package yamlnode_test

import (
	"slices"
	"strings"
	"testing"

	"ovhcloud-csi-provider/provider/yamlnode"
)

func document(t *testing.T, text string) *yamlnode.Node {
	t.Helper()
	all, err := yamlnode.Documents(text)
	if err != nil || len(all) != 1 {
		t.Fatal(len(all), err)
	}
	return all[0]
}

// TestFieldsAreFoundThroughAliasesAndMerges reads what Kubernetes would read.
func TestFieldsAreFoundThroughAliasesAndMerges(t *testing.T) {
	n := document(t, "base: &base {a: 1, b: 2}\nmade: {<<: *base, b: 3}\nmany: {<<: [*base, {c: 4}]}\n"+
		"list: &l [x, y]\nagain: *l\n")
	for path, want := range map[string]string{
		"made a": "1", "made b": "3", "many a": "1", "many c": "4", "made c": "", "list a": "", "again": "",
	} {
		if got := yamlnode.TextAt(n, strings.Fields(path)...); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
	var names []string
	for _, p := range yamlnode.Pairs(yamlnode.Field(n, "made")) {
		names = append(names, p.Key.Value+p.Value.Value)
	}
	if !slices.Equal(names, []string{"b3", "a1", "b2"}) {
		t.Error(names)
	}
	key, value := yamlnode.Entry(n, "list")
	if again := yamlnode.Field(n, "again"); key.Line != 4 || len(yamlnode.Elements(value)) != 2 || again != value {
		t.Error(key.Line, value, again)
	}
}

// TestAliasesDoNotMultiply has maps and lists that name themselves several times over.
func TestAliasesDoNotMultiply(t *testing.T) {
	var merges strings.Builder
	merges.WriteString("a0: &a0 {x: 1}\n")
	for i, before := range []string{"a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7"} {
		name := string(rune('1' + i))
		merges.WriteString("a" + name + ": &a" + name + " {<<: [" + strings.Repeat("*"+before+", ", 20) + "]}\n")
	}
	if got := len(yamlnode.Pairs(yamlnode.Field(document(t, merges.String()), "a8"))); got != 10_000 {
		t.Error(got)
	}
	itself := document(t, "kind: List\nitems: &a\n  - kind: List\n    items: *a\n  - kind: Pod\n")
	if got := yamlnode.Objects(itself); len(got) != 5 || yamlnode.TextAt(got[0], "kind") != "Pod" {
		t.Error(len(got))
	}
	fold := document(t, "kind: List\nitems: &a [{kind: Pod}"+strings.Repeat(", {kind: List, items: *a}", 40)+"]\n")
	if got := len(yamlnode.Objects(fold)); got < 100 || got > 200_000 {
		t.Error(got)
	}
}
