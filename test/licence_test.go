// SPDX-License-Identifier: Apache-2.0

package test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestProgramsStateTheirLicence checks all files of code: one may be copied without the rest.
func TestProgramsStateTheirLicence(t *testing.T) {
	out, err := exec.Command("git", "-C", "..", "ls-files").Output()
	if err != nil {
		t.Skip("not a work tree of git, which lists the project's files")
	}
	checked := 0
	for name := range strings.FieldsSeq(string(out)) {
		text, err := os.ReadFile("../" + name)
		if err != nil {
			continue // removed, and not committed yet
		}
		head := string(text[:min(len(text), 120)])
		if !strings.HasSuffix(name, ".go") && !strings.HasPrefix(head, "#!") && !strings.HasSuffix(name, "Dockerfile") &&
			name != "Makefile" {
			continue
		}
		checked++
		if !strings.Contains(head, "SPDX-License-Identifier: Apache-2.0\n") {
			t.Errorf("%s does not state its licence: begin it with SPDX-License-Identifier: Apache-2.0, as the others do", name)
		}
	}
	if checked < 300 {
		t.Errorf("only %d files were found", checked)
	}
}
