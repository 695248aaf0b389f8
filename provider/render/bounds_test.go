// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"strings"
	"testing"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/plan"
	"ovhcloud-csi-provider/provider/plan/plantest"
	"ovhcloud-csi-provider/provider/sensitive"
)

// What bounds the memory and time that one mount, or one pod's mounts, can take.

// TestASecretIsTakenApartOnce, wherever its objects stand in the class: they may
// alternate with those of others.
func TestASecretIsTakenApartOnce(t *testing.T) {
	large := secrets{"a": `{"k":1,"v":"` + strings.Repeat("x", 1<<20) + `"}`,
		"b": `{"k":2,"v":"` + strings.Repeat("y", 1<<20) + `"}`}
	var lines []string
	for i := range 800 {
		lines = append(lines, "- secretPath: "+[]string{"a", "b"}[i%2], "  secretKey: k", fmt.Sprintf("  objectName: f%d", i))
	}
	files := rendered(t, large, lines...)
	if len(files) != 800 || files["f0"] != "1" || files["f799"] != "2" {
		t.Errorf("%d files, %q, %q", len(files), files["f0"], files["f799"])
	}
	p := plantest.Planned(t, plantest.Request(plantest.Objects(lines...)))
	resp, _, _ := Make(t.Context(), p, large.fetch(p))
	for i, f := range resp.Files {
		if want := fmt.Sprint("f", i); f.Path != want || resp.Versions[i].ID != want {
			t.Fatalf("file %d is %s, version %s", i, f.Path, resp.Versions[i].ID)
		}
	}
}

// TestPathsEnd: what a class may look at is a sum over its objects.
func TestPathsEnd(t *testing.T) {
	large := secrets{"s": `{"k":[` + strings.Repeat(`{"a":1,"b":"aaaaaaaaaaaaaaaaaa"},`, 1800) + `{"a":2}]}`}
	chain := strings.Repeat("#(a=1)#|", 100) + "#(a=1)#"
	for name, c := range map[string]struct {
		path     string
		times    int
		optional bool
	}{
		"a chain": {chain, 4, false}, "a chain that may be absent": {chain, 4, true}, "many": {"#(a==2).a", 1000, false},
		"many that find nothing": {"#(a==3).a", 1000, true},
	} {
		var lines []string
		for i := range c.times {
			lines = append(lines, "- secretPath: s", "  secretKey: 'k."+c.path+"'", fmt.Sprintf("  objectName: f%d", i),
				fmt.Sprint("  optional: ", c.optional))
		}
		kind, text := unrendered(t, large, lines...)
		if kind != failure.TooLarge ||
			!strings.Contains(text, "the objects of this mount look at more than 33554432 bytes of JSON altogether") ||
			strings.Contains(text, "errors:") {
			t.Errorf("%s: %s %s", name, kind, text)
		}
	}
	if got := rendered(t, large, "- secretPath: s", "  secretKey: 'k.#(a==2).a'", "  objectName: f"); got["f"] != "2" {
		t.Errorf("one path: %q", got)
	}
}

func TestTheListOfFilesFitsIntoAnObjectOfKubernetes(t *testing.T) {
	var keys strings.Builder
	for i := range 5_000 {
		fmt.Fprintf(&keys, `,"%0100d":"x"`, i)
	}
	secret := sensitive.New([]byte("{" + keys.String()[1:] + "}"))
	for folders, fits := range map[int]bool{1: true, 2: false} {
		var lines []string
		for i := range folders {
			lines = append(lines, "- secretPath: s", "  allKeys: true", fmt.Sprintf("  objectName: f%d", i))
		}
		p := plantest.Planned(t, plantest.Request(plantest.Objects(lines...)))
		_, _, failures := Make(t.Context(), p,
			map[plan.Read]Input{p.Reads[0]: {Secret: okms.Secret{Version: 1, Data: secret}}})
		if fits != (len(failures) == 0) ||
			!fits && (failures[0].Kind != failure.TooLarge || !strings.Contains(failures[0].What, "so many files")) {
			t.Errorf("%d files: %v", 5_000*folders, failures)
		}
	}
}
