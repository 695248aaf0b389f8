// SPDX-License-Identifier: Apache-2.0

package main

import (
	"debug/buildinfo"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestABillListsExactlyTheLinkedModules checks bills of the test's own program: the true one, and each way to be
// wrong.
func TestABillListsExactlyTheLinkedModules(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	linked := map[string]string{"std": info.GoVersion}
	for _, m := range info.Deps {
		linked[m.Path] = m.Version
	}
	if len(linked) < 3 {
		t.Fatalf("the program is linked with %q only", linked)
	}
	some := info.Deps[0].Path
	for name, c := range map[string]struct {
		change func(map[string]string)
		want   string // a part of the error; "" is none
	}{
		"all":             {func(map[string]string) {}, ""},
		"one is missing":  {func(m map[string]string) { delete(m, some) }, "the program is linked with"},
		"one is too many": {func(m map[string]string) { m["example.invalid/x"] = "v1.0.0" }, "example.invalid/x@v1.0.0"},
		"another version": {func(m map[string]string) { m[some] = "v0.0.0-other" }, some + "@v0.0.0-other"},
		"no library":      {func(m map[string]string) { delete(m, "std") }, "std@" + info.GoVersion},
	} {
		listed := maps.Clone(linked)
		c.change(listed)
		var bill struct {
			Components []map[string]string `json:"components"`
		}
		for module, version := range listed {
			bill.Components = append(bill.Components, map[string]string{"name": module, "version": version})
		}
		content, err := json.Marshal(bill)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "x.cdx.json")
		write(t, file, string(content))
		err = checkBill(file, program)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
