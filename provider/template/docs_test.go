// SPDX-License-Identifier: Apache-2.0

package template

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"ovhcloud-csi-provider/provider/rawjson"
)

// TestTheExamplesOfThePageAreTrue executes each row of the table in docs/templates.md, and checks that
// the page names every function.
func TestTheExamplesOfThePageAreTrue(t *testing.T) {
	page, err := os.ReadFile("../../docs/templates.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| `(\\{\\{.*\\}\\})` \\| (`(.*)`|an "+
		"error.*) \\|$").FindAllStringSubmatch(string(page), -1)
	if len(rows) < 25 {
		t.Fatalf("%d rows", len(rows))
	}
	db := regexp.MustCompile("`.db` is `(.*)`").FindStringSubmatch(string(page))[1]
	for _, row := range rows {
		text := strings.ReplaceAll(row[1], `\|`, "|")
		parsed, err := Parse(text+"{{if .db}}{{end}}", []string{"db"})
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got, err := parsed.Execute(map[string]rawjson.Value{"db": rawjson.Value(db)}, 1<<12,
			rawjson.NewSteps(t.Context(), 1<<20))
		if strings.HasPrefix(row[2], "an error") {
			if err == nil {
				t.Errorf("%s gives %s", text, got)
			}
			continue
		}
		if err != nil || string(got) != row[3] {
			t.Errorf("%s\ngives %s, %v\nnot   %s", text, got, err, row[3])
		}
	}
	for _, name := range Functions() {
		if !slices.Contains(regexp.MustCompile(`\w+`).FindAllString(string(page), -1), name) {
			t.Errorf("the page does not name %s", name)
		}
	}
}
