// SPDX-License-Identifier: Apache-2.0

package class_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/plan/plantest"
	"ovhcloud-csi-provider/provider/template"
)

// withTemplates returns a list of objects, each with a template of so many words.
func withTemplates(objects, words int) string {
	var text strings.Builder
	for i := range objects {
		fmt.Fprintf(&text, "- {objectName: f%d, secrets: {a: b}, template: '%s'}\n", i,
			"{{.a}}"+strings.Repeat("{{1}}", words-2))
	}
	return text.String()
}

// The words of all templates of a class count as a sum, and parsing takes no more than is counted for
// it, also where braces are written as escapes.
func TestWordsOfAllTemplatesCount(t *testing.T) {
	third := template.MaxWords/3 + 1
	escaped := strings.NewReplacer("'", `"`, "{{", `\x7b\x7b`).Replace(withTemplates(4, third))
	for objects, wrong := range map[string]bool{withTemplates(2, third): false, withTemplates(4, third): true,
		escaped:                true,
		withTemplates(100, 40): false, withTemplates(200, 40): true} {
		r := plantest.Request(plantest.With("objects", objects))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, failures := plantest.Of(r, nil, time.Time{})
		runtime.ReadMemStats(&after)
		if took, most := int64(after.TotalAlloc-before.TotalAlloc), 2*class.ParsingTakes(objects); took > most {
			t.Errorf("%.80s: %d bytes allocated, want at most %d", objects, took, most)
		}
		if !wrong && len(failures) > 0 ||
			wrong && (len(failures) != 1 || !strings.Contains(failures[0].What, "have more than 5000 names and values")) {
			t.Errorf("%.80s: %v", objects, failures)
		}
	}
}
