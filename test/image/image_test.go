// SPDX-License-Identifier: Apache-2.0

package image

import (
	"os"
	"strings"
	"testing"
)

// Both ways to an image set what the daemon is tested with.
func TestImagesSetEnv(t *testing.T) {
	for file, line := range map[string]string{
		"../../Dockerfile": "\nENV " + Env + "\nENTRYPOINT", "../release/images.go": `const imageEnv = "` + Env + `"`,
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), line) {
			t.Errorf("%s lacks %q", file, line)
		}
	}
}
