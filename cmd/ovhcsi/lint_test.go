// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestLint runs the command on files, a directory and standard input.
func TestLint(t *testing.T) {
	const wrong = "kind: SecretProviderClass\nmetadata: {name: shop}\nspec:\n  provider: ovhcloud\n  parameters:\n    " +
		"regoin: eu-west-par\n"
	for name, c := range map[string]struct {
		args   []string
		stdin  string
		code   int
		stdout string
	}{
		"a directory": {[]string{"lint", "../../manifests/examples"}, "", 0, "0 errors, 0 warnings, 0 notes\n"},
		"standard input": {[]string{"lint", "-"}, wrong, 1,
			`-:6:5: error OVH101: parameters.regoin: unknown parameter; did you mean "region"?`},
		"flags behind": {[]string{"lint", "-", "--output", "github"}, wrong, 1, "::error file=-,line=6,col=5,title=OVH101::"},
		"help":         {[]string{"lint", "--help"}, "", 0, "--output FORM"},
		"help, behind": {[]string{"help", "lint"}, "", 0, "Exit code: 0"},
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), c.args, strings.NewReader(c.stdin), &stdout, &stderr)
		if code != c.code || !strings.Contains(stdout.String(), c.stdout) || stderr.Len() > 0 {
			t.Errorf("%s: exit %d, want %d; %s%s", name, code, c.code, stdout.String(), stderr.String())
		}
	}
}
