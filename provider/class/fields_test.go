package class_test

import (
	"os"
	"strings"
	"testing"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/plan/plantest"
)

// TestTheReadmeHasTheFields: its table is that of the fields, in their order.
func TestTheReadmeHasTheFields(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, f := range class.Fields() {
		rows = append(rows, "| `"+f.Name+"` | "+f.Doc+" |")
	}
	if want := strings.Join(rows, "\n"); !strings.Contains(string(readme), want) {
		t.Errorf("README.md lacks this table:\n%s", want)
	}
}

func TestTheExamplesOfFieldsAreValid(t *testing.T) {
	for _, f := range class.Fields() {
		lines := []string{"- secretPath: s", "  objectName: f", "  secretKey: k"}
		switch f.Name {
		case "allKeys":
			lines = lines[:2]
		case "secretPath", "objectName", "secretKey":
			lines = []string{"- secretPath: s"}
		}
		if f.Name == "secretPath" {
			lines = nil
		}
		lines = append(lines, "  "+f.Name+": "+f.Example)
		lines[0] = "- " + strings.TrimLeft(lines[0], "- ")
		plantest.Planned(t, plantest.Request(plantest.Objects(lines...)))
	}
}
