// SPDX-License-Identifier: Apache-2.0

package main

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEachFaultFitsTheCode(t *testing.T) {
	all, err := lists()
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, f := range all {
		if known[f.name] {
			t.Errorf("%s is in the list twice", f.name)
		}
		known[f.name] = true
		if _, err := f.apply(root); err != nil {
			t.Errorf("%s: %v", f.name, err)
		}
	}
}

func TestAllFaultsOfHistoriesFitIntoOneBinary(t *testing.T) {
	all, err := parse(deliberate)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if _, err := combine("../../..", dir, all); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		if _, err := parser.ParseFile(token.NewFileSet(), file, nil, 0); err != nil {
			t.Error(err)
		}
	}
}

func TestAFunctionCallsTheVariantOfTheFaultInUse(t *testing.T) {
	const text = "package p\n\n// F is a method.\nfunc (t *T[K]) F(a, b int, _ ...string) (n int, err error) " +
		"{\n\treturn a, nil\n}\n"
	got, pkg, err := withVariants(text, map[int][]edit{3: {{before: "return a", after: "return b"}}})
	if err != nil || pkg != "p" {
		t.Fatal(pkg, err)
	}
	for _, want := range []string{
		"func (receiver *T[K]) F(arg0 int, arg1 int, arg2 ...string) (int, error) {",
		"case \"3\":\n\t\treturn receiver.FFault3(arg0, arg1, arg2...)", "return receiver.FUnchanged(arg0, arg1, arg2...)",
		"func (t *T[K]) FUnchanged(a, b int, _ ...string) (n int, err error) {\n\treturn a, nil",
		"func (t *T[K]) FFault3(a, b int, _ ...string) (n int, err error) {\n\treturn b, nil",
	} {
		if !strings.Contains(string(got), want) {
			t.Errorf("there is no %q in\n%s", want, got)
		}
	}
	if _, _, err := withVariants(text, map[int][]edit{0: {{before: "package p", after: "package q"}}}); err == nil {
		t.Error("an edit outside of functions gave no error")
	}
}

func TestTheFirstBadHistoryIsFound(t *testing.T) {
	for out, want := range map[string]result{
		"    x_test.go:9: seed 17 at 1m2.5s asked twice: a request of daemon 1": {17, "asked twice", ""},
		"    x_test.go:9: seed 4 crash: exit status 2\npanic: x":                {4, "crash", ""},
		"FAIL": {0, "", "FAIL"},
	} {
		if got := resultOf(out); got != want {
			t.Errorf("%s: %+v, want %+v", out, got, want)
		}
	}
}

func TestATableKeepsTheRowsOfFaultsThatDidNotRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(path, []byte("text\n"+tableBegin+"\n\n"+tableHead+"| a | value | 3 |\n| gone | value | 4 |\n"),
		0o600); err != nil {
		t.Fatal(err)
	}
	all := []fault{{name: "a"}, {name: "b"}, {name: "c"}}
	if err := writeTables(path, all,
		map[string]result{"b": {rule: "TestB of ./p"}, "c": {reason: "nothing"}}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	want := "text\n" + tableBegin + "\n\n" + tableHead +
		"| a | value | 3 |\n| b | `TestB of ./p` | |\n| c | **not found** | |\n"
	if err != nil || string(got) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
}
