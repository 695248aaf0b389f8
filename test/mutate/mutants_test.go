// SPDX-License-Identifier: Apache-2.0

package main

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

const source = `package p

func (b *box[T]) put(n int) (int, error) {
	b.n = n
	if n < 3 {
		return 0, errSmall
	}
	switch {
	case n == 4:
		n++
		b.tell()
	}
	x := n + 1
	return x, nil
}
`

func TestMutantsOfAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.go")
	if err := os.WriteFile(path, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	mutants, err := mutantsOf(path, "p/p.go")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range mutants {
		got = append(got, m.text)
		if m.function != "box.put" || m.file != "p/p.go" {
			t.Errorf("%q is in %s of %s", m.text, m.function, m.file)
		}
		changed := m.changed([]byte(source))
		if _, err := parser.ParseFile(token.NewFileSet(), "", changed, 0); err != nil || string(changed) == source {
			t.Errorf("%s: %v\n%s", m.text, err, changed)
		}
	}
	if want := []string{"without b.n = n", "n < 3 -> !(n < 3)", "n < 3 -> n <= 3", "return 0, errSmall -> return 0, nil",
		"without n++ b.tell()", "n == 4 -> n != 4", "without n++", "without b.tell()",
		"n + 1 -> n - 1"}; !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestAccepted(t *testing.T) {
	known, err := parseAccepted("# a comment\n\np/p.go | f | a | b -> a & b | equal for all callers\n")
	if err != nil || !known[mutant{file: "p/p.go", function: "f", text: "a | b -> a & b"}.key()] {
		t.Errorf("%v, %v", known, err)
	}
	if _, err := parseAccepted("p/p.go | f | without a reason"); err == nil {
		t.Error("a line without a reason is taken")
	}
	if _, err := parseAccepted(accepted); err != nil {
		t.Error(err)
	}
}
