// SPDX-License-Identifier: Apache-2.0

package test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// inCode matches a path below the top folders of the project, in backquotes.
var inCode = regexp.MustCompile("`((?:cmd|provider|server|manifests|charts|test|docs)/[^` ]*)`")

// TestFilesThatPagesNameExist: pages name files, and files move.
func TestFilesThatPagesNameExist(t *testing.T) {
	pages, err := filepath.Glob("../*.md")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for _, page := range append(pages, more...) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range inCode.FindAllStringSubmatch(string(text), -1) {
			named++
			if found, err := filepath.Glob(filepath.Join("..", match[1])); err != nil || len(found) == 0 {
				t.Errorf("%s names %s, which does not exist", filepath.Base(page), match[1])
			}
		}
	}
	if named < 20 {
		t.Errorf("only %d names were found", named)
	}
}
