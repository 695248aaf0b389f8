// SPDX-License-Identifier: Apache-2.0

package class_test

import (
	"strings"
	"testing"

	"ovhcloud-csi-provider/provider/plan/plantest"
)

// Templates write the fields of an object that they have no value for.
func TestFieldsThatAreLeftEmpty(t *testing.T) {
	for _, empty := range []string{`""`, "''", "", "~", "null", `"" # none`} {
		p := plantest.Planned(t,
			plantest.Request(plantest.Objects("- secretPath: a", "  secretKey: "+empty, "  objectVersion: "+empty,
				"  allKeys: true", "- secretPath: b", "  objectVersion: "+empty)))
		if o := p.Objects[0]; o.SecretKey != "" || o.Version != 0 || !o.AllKeys || p.Objects[1].File() != "b" {
			t.Errorf("%s: %+v", empty, p.Objects)
		}
	}
	for object, want := range map[string]string{
		`{secretPath: ""}`:                                      "objects[0].secretPath: is empty",
		`{secretPath: a, objectName: ""}`:                       "objects[0].objectName: is empty",
		`{secretPath: a, encoding: ""}`:                         "objects[0].encoding: is empty",
		`{secretPath: a, secretKey: "", secretKey: k}`:          "objects[0].secretKey: is given twice",
		`{secretPath: a, secretKey: "", encoding: hex}`:         "objects[0].encoding: applies to the value of a key",
		`{secretPath: a, objectVersion: !!binary ""}`:           "objects[0].objectVersion",
		`{secretPath: a, secretKey: &x ""}`:                     "objects[0].secretKey: anchors",
		`{secretPath: a, objectVersion: []}`:                    "objects[0].objectVersion: is a list",
		`{secretPath: a, objectVersion: "", objectVersion: ""}`: "objects[0].objectVersion: is given twice",
	} {
		if _, text := plantest.Refused(t, plantest.Request(plantest.Objects("- "+object))); !strings.Contains(text, want) {
			t.Errorf("%s: %s", object, text)
		}
	}
}
