// SPDX-License-Identifier: Apache-2.0

package class_test

import (
	"os"
	"strings"
	"testing"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/plan/plantest"
)

// TestThePageHasTheFields: its table is that of the fields, in their order.
func TestThePageHasTheFields(t *testing.T) {
	page, err := os.ReadFile("../../docs/class.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, f := range class.Fields() {
		rows = append(rows, "| `"+f.Name+"` | "+f.Doc+" |")
	}
	if want := strings.Join(rows, "\n"); !strings.Contains(string(page), want) {
		t.Errorf("docs/class.md lacks this table:\n%s", want)
	}
}

func TestTheExamplesOfFieldsAreValid(t *testing.T) {
	// What else the object needs, by the field.
	with := map[string]string{"secretPath": "", "find": "", "secrets": "template: '{{.db.a}}{{.tls.b}}', objectName: f",
		"template":  "secrets: {db: s}, objectName: f",
		"secretKey": "secretPath: s", "keys": "secretPath: s, format: json", "certificate": "secretPath: s, secretKey: k",
		"encoding": "secretPath: s, secretKey: k", "connection": "secretPath: s"}
	for _, f := range class.Fields() {
		rest, known := with[f.Name]
		if !known {
			rest = "secretPath: s"
		}
		object := "- {" + f.Name + ": " + f.Example
		if rest != "" {
			object += ", " + rest
		}
		cl, wrong := class.Parse(plantest.Request(plantest.Objects(object+"}")).Attributes, class.Given{Credentials: true})
		if wrong.Len() > 0 || len(cl.Objects) != 1 {
			t.Errorf("%s: %v", object, wrong.All())
		}
	}
}
