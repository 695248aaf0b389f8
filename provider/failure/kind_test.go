// SPDX-License-Identifier: Apache-2.0

package failure_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"

	"ovhcloud-csi-provider/provider/failure"
)

// constants returns the values of the constants of type Kind in kind.go.
func constants(t *testing.T) (kinds []failure.Kind) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "kind.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, is := n.(*ast.ValueSpec)
		if !is {
			return true
		}
		if typ, is := spec.Type.(*ast.Ident); is && typ.Name == "Kind" {
			text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			kinds = append(kinds, failure.Kind(text))
		}
		return true
	})
	return kinds
}

// TestEveryKindHasItsRow: what follows from a kind is in the table, once.
func TestEveryKindHasItsRow(t *testing.T) {
	all := failure.Kinds()
	for _, kind := range constants(t) {
		if n := len(slices.DeleteFunc(slices.Clone(all), func(k failure.Kind) bool { return k != kind })); n != 1 {
			t.Errorf("%s has %d rows in the table, want 1", kind, n)
		}
	}
	if len(all) != len(constants(t)) {
		t.Errorf("the table has %d rows for %d kinds", len(all), len(constants(t)))
	}
}

// TestOnlyWhatPassesIsRetried: a retry after a refusal would only add load, and a failure that
// drops values of the cache must not have them served stale.
func TestOnlyWhatPassesIsRetried(t *testing.T) {
	for _, kind := range failure.Kinds() {
		for _, status := range []int{0, 401, 404, 429, 500, 501, 503} {
			if kind.Retries(status) && !kind.MayPass() {
				t.Errorf("%s is retried after %d, and does not pass", kind, status)
			}
		}
		if kind.MayPass() && kind.Drops() != failure.OfNothing {
			t.Errorf("%s may pass, and drops values", kind)
		}
		if kind.MayPass() && kind.Answer() != failure.Internal {
			t.Errorf("%s may pass, and is answered as final", kind)
		}
	}
}
