// SPDX-License-Identifier: Apache-2.0

package class_test

import (
	"testing"

	"ovhcloud-csi-provider/provider/plan/plantest"
)

func TestNamesOfFilesOfPaths(t *testing.T) {
	for key, want := range map[string]string{
		`tls\.crt`: "tls.crt", `app.tls\.crt`: "app.tls.crt", `a\.b\.c`: "a.b.c", `certs/tls\.key`: "tls.key", `a\*b`: "a*b",
		`\#1`: "#1", `a\\b`: `a\b`,
		"tls.crt": "tls.crt", "users.0.name": "users.0.name", `a\b`: `a\b`, `a\`: `a\`, "#1": "#1", "c#": "c#", "a|b": "a|b",
	} {
		if p := plantest.Planned(t,
			plantest.Request(plantest.Objects("- secretPath: s", "  secretKey: '"+key+"'"))); p.Objects[0].File() != want {
			t.Errorf("%s makes the file %s, want %s", key, p.Objects[0].File(), want)
		}
	}
	for _, key := range []string{"hosts.#.name", `items.#(name=="a/b").value`, "items.#(port>1)#.name", "#.name",
		"a|#.b"} {
		const want = `objects[0].objectName: is required where secretKey is a path with operators (#), which makes no name of a file (line 1)`
		if _, text := plantest.Refused(t,
			plantest.Request(plantest.Objects("- secretPath: s", "  secretKey: '"+key+"'"))); text != want {
			t.Errorf("%s: %s", key, text)
		}
		plantest.Planned(t,
			plantest.Request(plantest.Objects("- secretPath: s", "  secretKey: '"+key+"'", "  objectName: f")))
	}
}
