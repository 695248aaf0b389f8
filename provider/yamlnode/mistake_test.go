// SPDX-License-Identifier: Apache-2.0

package yamlnode_test

import (
	"strings"
	"testing"

	"ovhcloud-csi-provider/provider/yamlnode"
)

// TestABlockScalarIsNotChecked checks that mistakes are reported after a block scalar, but not
// within it.
func TestABlockScalarIsNotChecked(t *testing.T) {
	for text, want := range map[string]string{
		"- a: |\n    b = c\n  d: e\n":        "",
		"- a: |\n    b = c\n  d = e\n":       "line 3, column 5: an equals sign",
		"- - a: |\n      b = c\n    d = e\n": "line 3, column 7: an equals sign",
		"a: >-\n  b = c\n\n  d = e\nf = g\n": "line 5, column 3: an equals sign",
		"- |\n  b = c\n- d = e\n":            "line 3, column 5: an equals sign",
		// Lines may end with \r\n; a blank line does not end the scalar.
		"a: |\r\n  b\r\n\r\n  \tc\r\n":  "",
		"a: |\r\n  b\r\n\r\n\tc: d\r\n": "line 4, column 1: the line is indented with a tab",
	} {
		err := yamlnode.Mistake(text)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}
