// SPDX-License-Identifier: Apache-2.0

package class_test

import (
	"strings"
	"testing"

	"ovhcloud-csi-provider/provider/plan/plantest"
)

// What is not YAML, in words of this program: each with the line and column.
func TestWhatIsNotYAMLIsTold(t *testing.T) {
	const align = "; align them"
	for text, want := range map[string]string{
		"- secretPath: \"a\n  objectName: b\n":                 `line 1, column 15: the quote " is not closed`,
		"- secretPath: a\n  objectName: 'b\n- secretPath: c\n": "line 2, column 15: the quote ' is not closed",
		"- secretPath: \"a\n  objectName: " +
			"\"b\"\n": `line 1, column 15: the quote " is not closed on its line`,
		"- secretPath: a\n  objectName: 'it's'\n": "line 2, column 18: the quote is closed and more " +
			"follows; write a single quote within single quotes twice",
		"- secretPath: \"a\" b\n": "line 1, column 17: the quote is closed and more " +
			"follows; put the whole value in single quotes",
		"- secretPath: a\n  secretKey: \"tls\\.crt\"\n": "line 2, column 18: a backslash in double " +
			"quotes; use single quotes",
		"- secretPath: [a\n":                "line 1, column 15: the bracket [ is not closed",
		"- {secretPath: a, objectName: b\n": "line 1, column 3: the bracket { is not closed",
		`[{"secretPath": "a" "objectName": "b"}]`: "line 1, column 19: the quote is closed and more " +
			"follows; is a comma missing?",
		"- secretPath: {{ .Values.path }}/db\n": "line 1, column 15: a template that was not " +
			"rendered ({{); render it, or write the value",
		"{{- range .Values.secrets }}\n- secretPath: a\n{{- end }}\n": "line 1, column 1: a template that was not " +
			"rendered ({{); render it, or write the value",
		"- secretPath: a\n objectName: b\n": "line 2, column 2: this field begins in another " +
			"column than the first one of its entry (3)" + align,
		"- secretPath: a\n   objectName: b\n": "line 2, column 4: this field begins in another " +
			"column than the first one of its entry (3)" + align,
		"- secretPath: a\nobjectName: b\n": "line 2, column 1: this field begins in another " +
			"column than the first one of its entry (3)" + align,
		"- secretPath: a # it's\n- secretPath: c\n  b: c\n d: e\n": "line 4, column 2: this field begins in another " +
			"column than the first one of its entry (3)" + align,
		"- secretPath: a\n   - secretPath: b\n": "line 2, column 4: this entry begins in another column than the first " +
			"one (1)" + align,
		"- secretPath: @a\n":                   "line 1, column 15: a value that begins with @; put it in quotes",
		"- secretPath: a\n  objectName: `b`\n": "line 2, column 15: a value that begins with `; put it in quotes",
		"- secretPath: *a\n":                   "line 1, column 15: a value that begins with *; put it in quotes",
		"- secretPath: a: b\n": "line 1, column 16: a colon and a space within a value; put the value " +
			"in quotes",
		"- secretPath: \u2018a\u2019\n   x: y\n": `line 1, column 15: a typographic quote (U+2018); type ' or "`,
		"\u2022 secretPath: a\n":                 "line 1, column 1: a bullet (U+2022) instead of a dash; type -",
		"- secretPath\uff1a a\n":                 "line 1, column 13: a full-width colon (U+FF1A); type :",
		"- secretPath = a\n": "line 1, column 14: an equals sign instead of a colon; type a colon " +
			"and a space",
		"- secretPath: a\n  secretKey: |\n    it's: “x\n  objectName: '": "line 4, column 15: the quote ' is not closed",
	} {
		if _, got := plantest.Refused(t, plantest.Request(plantest.With("objects", text))); got !=
			"parameters.objects: is not YAML: "+want {
			t.Errorf("%q: got %s\nwant %s", text, got, want)
		}
	}
}

// Some of it is YAML, but not what was meant.
func TestValuesWithOddSigns(t *testing.T) {
	const template = "a template that was not rendered ({{); render it, or write the value"
	for text, want := range map[string]string{
		"- secretPath: {{ " +
			".Values.path }}\n": `objects[0].secretPath: is a map; want a single value; it holds ` + template + " (line 1)",
		"- secretPath: prod/{{ .Values.env }}/db\n": template + " (line 1)",
		"- secretPath: prod/${ENV}/db\n": "it holds a template that was not rendered (${); render " +
			"it, or write the value (line 1)",
		"- secretPath: a\n  objectName: '{{ " +
			".Values.file }}'\n": `objects[0].objectName: "{{ .Values.file }}" cannot be meant as the name of a file; it holds ` + template + " (line 2)",
		"- secretPath: a\n  objectName: " +
			"\u201cx\u201d\n": `objects[0].objectName: "“x”" cannot be meant as the name of a file; it holds a typographic quote (U+201C); type ' or " (line 2)`,
		"- secretPath: " +
			"\u201cprod/db\u201d\n": `it holds a typographic quote (U+201C); type ' or " (line 1)`,
		"- secretPath: " +
			"prod/db\u00a0\n": `objects[0].secretPath: "prod/db\u00a0" may hold only letters, digits and _ . : / = @ -; it holds a no-break space (U+00A0); remove it (line 1)`,
		"- secretPath: prod/\u200bdb\n": "it holds an invisible character (U+200B); remove it " +
			"(line 1)",
		"- secretPath: a\n  optional: " +
			"\u201ctrue\u201d\n": `objects[0].optional: "“true”" is neither true nor false; it holds a typographic quote (U+201C); type ' or " (line 2)`,
		"- secretPath: a\n  objectVersion: 3\u00a0\n": "it holds a no-break space (U+00A0); remove it (line 2)",
		"- secretPath: a\n  " +
			"\u201cobjectName\u201d: b\n": `unknown field; it holds a typographic quote (U+201C); type ' or " (line 2)`,
		"- secretPath: a\n  " +
			"\"\u00a0objectName\": b\n": `objects[0]."\u00a0objectName": unknown field; it holds a no-break space (U+00A0); remove it (line 2)`,
		"- 'secretPath: a'\n": "objects[0]: is a text, not a map of fields; drop the quotes around the entry (line 1)",
		"- secretPath: a\n- \"secretPath: b\\nobjectName: c\"\n": "objects[1]: is a text, not a map of fields; drop the " +
			"quotes around the entry (line 2)",
		"- secretPath: a\n  filePermission: " +
			"\u20180640\u2019\n": `it holds a typographic quote (U+2018); type ' or " (line 2)`,
		"- secretPath: a\n  encoding: \"{{ .Values.encoding }}\"": "it holds " + template + " (line 2)",
	} {
		if _, got := plantest.Refused(t, plantest.Request(plantest.With("objects", text))); !strings.Contains(got, want) {
			t.Errorf("%q: got %s\nwant %s", text, got, want)
		}
	}
	// A key of a secret may hold anything, and a name signs of all languages.
	plantest.Planned(t, plantest.Request(plantest.Objects("- secretPath: a", "  secretKey: '“x”'", "  objectName: l’été")))
}
