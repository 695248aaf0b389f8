// SPDX-License-Identifier: Apache-2.0

package class_test

import (
	"strings"
	"testing"

	"ovhcloud-csi-provider/provider/plan/plantest"
)

// Signs that look like what they are not, in the text of objects.
func TestSignsThatAreNoSpacesOrDashes(t *testing.T) {
	const indent, after = "there is a no-break space (U+00A0); replace it with a plain space",
		"a tab follows the dash; replace it with a space"
	for text, want := range map[string]string{
		"- secretPath: a\n\tobjectName: b\n": "line 2, column 1: the line is indented with " +
			"a tab; replace it with spaces",
		"- secretPath: a\n \tobjectName: b\n": "line 2, column 2: the line is indented with " +
			"a tab; replace it with spaces",
		"- secretPath: a\n-\tsecretPath: b\n":          "line 2, column 2: " + after,
		"-\tsecretPath: a\n":                           "line 1, column 2: " + after,
		"- \tsecretPath: a\n":                          "line 1, column 3: " + after,
		"- secretPath: a\n\u00a0\u00a0objectName: b\n": "line 2, column 1: " + indent,
		"- secretPath: a\n \u00a0objectName: b\n":      "line 2, column 2: " + indent,
		"\u00a0\u00a0- secretPath: a\n":                "line 1, column 1: " + indent,
		"- secretPath: x\n-\u00a0secretPath: a\n":      "line 2, column 2: " + indent,
		"-\u00a0secretPath: a\n":                       "line 1, column 2: " + indent,
		"- secretPath:\u00a0a\n":                       "line 1, column 14: " + indent,
		"- secretPath: a\n  objectName:\u00a0b\n":      "line 2, column 14: " + indent,
		"- secretPath: é\n\u2003 objectName: b\n": "line 2, column 1: there is a non-standard " +
			"space (U+2003); replace it with a plain space",
		"- secretPath: a\n\u3000\u3000objectName: b\n": "(U+3000)",
		"- secretPath: a\n\u202f\u202fobjectName: b\n": "(U+202F)",
		"- secretPath: a\n\u200b  objectName: b\n": "line 2, column 1: there is an invisible " +
			"character (U+200B)",
		"\u2013 secretPath: a\n": "line 1, column 1: the dash is U+2013; " +
			"replace it with a plain -",
		"-secretPath: a\n": "line 1, column 2: a space is missing after " +
			"the dash",
		"- secretPath: a\n  objectName:b\n": "line 2, column 14: a space is missing after " +
			"the colon",
		"- secretPath:a\n":                "line 1, column 14: a space is missing after the colon",
		"- secretPath: a - secretPath: b": "line 1, column 17: a second entry begins on this line",
		"- secretPath: a objectName: x - secretPath: b objectName: y": "line 1, column 17: a second field begins on " +
			"this line",
		"- secretPath: a\n  objectName: x - secretPath: b\n": "line 2, column 17: a second entry begins on " +
			"this line",
		"- secretPath: x\n  secretKey: |\n    y\n    \tz\n\tobjectName: b\n": "line 5, column 1: the line is indented " +
			"with a tab",
		"- secretPath: a\n objectName: b\n": "line 2, column 2: this field begins in another " +
			"column than the first one of its entry (3); align them",
		"- secretPath: a\n  objectName: \"x\n- secretPath: b\n":         "line 2, column 15: the quote \" is not closed",
		"# list\r\n- secretPath: a\r\n\tobjectName: b\r\n":              "line 3, column 1: the line is indented with a tab",
		strings.Repeat("- secretPath: a\n", 100) + "-\tsecretPath: b\n": "line 101, column 2: " + after,
	} {
		_, got := plantest.Refused(t, plantest.Request(plantest.With("objects", text)))
		if !strings.HasPrefix(got, "parameters.objects: is not YAML: ") || !strings.Contains(got, want) ||
			strings.Contains(got, "\n") {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
		if strings.Contains(want, "second") && !strings.Contains(got, `write "objects: |"`) {
			t.Errorf("%q: the cure is missing: %s", text, got)
		}
	}
	// Where such a sign does no harm it is no mistake.
	for _, text := range []string{
		"- secretPath: a\n  objectName:\tb\n", "- secretPath: a\n  objectName: \"x\u00a0y\"\n",
		"- secretPath: a # a: b - c: d\n", "- {secretPath: a, objectName: x}\n",
		"- secretPath: a\n  secretKey: \"a: - b: c\"\n", "\ufeff- secretPath: a\n", "- secretPath: a:b\n",
	} {
		plantest.Planned(t, plantest.Request(plantest.With("objects", text)))
	}
}

func TestEntriesThatAreTexts(t *testing.T) {
	for text, want := range map[string]string{
		"- |\n  secretPath: a\n": "objects[0]: is a text, not a map of " +
			"fields; drop the | behind the dash (line 1)",
		"- secretPath: a\n- |-\n  secretPath: b\n": "objects[1]: is a text, not a map of " +
			"fields; drop the | behind the dash (line 2)",
		"- >-\n  secretPath: a\n  objectName: b\n": "objects[0]: is a text, not a map of " +
			"fields; drop the > behind the dash (line 1)",
		"# x\n\n- prod/shop/db\n": "objects[0]: is a single value, not a map " +
			"of fields; write - secretPath: prod/shop/db (line 3)",
		"- secretPath: a\n\n- " +
			"secretPath: /b\n": `objects[1].secretPath: "/b" must not begin or end with a slash, nor hold two in a row`,
		"- secretPath: a\n  optional: " +
			"yes\n  x: y": `objects[0].optional: "yes" is neither true nor false (line 2)`,
		"- secretPath: a\n- secretPath: b\n  x: y": "(line 3)",
		"- secretPath: a\n- " +
			"secretPath: b/a": `objects[1].objectName: objects[0] already writes the file "a"; give another objectName (line 2)`,
		"- secretPath: a\n  secretKey: k\n  allKeys: true\n  optional: true":  "(line 3)",
		"- secretPath: a\n  encoding: hex\n  optional: true":                  "give secretKey or allKeys too (line 2)",
		"- secretPath: a\n- secretPath: b\n  optional: true\n  objectName: a": "(line 4)",
	} {
		if _, got := plantest.Refused(t, plantest.Request(plantest.With("objects", text))); !strings.Contains(got, want) {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
	// What is wrong elsewhere has no line of objects.
	if _, got := plantest.Refused(t,
		plantest.Request(plantest.Without("region"), plantest.With("objects", "- secretPath: /a"))); strings.Count(got,
		"(line ") != 1 {
		t.Error(got)
	}
}
