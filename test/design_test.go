// SPDX-License-Identifier: Apache-2.0

package test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDesignNamesWhatExists compares the two drawings of DESIGN.md with the folders of the project: the house has
// every package of the provider, and each step of a mount is a package.
func TestDesignNamesWhatExists(t *testing.T) {
	text, err := os.ReadFile("../DESIGN.md")
	if err != nil {
		t.Fatal(err)
	}
	drawn := blocks("DESIGN.md", string(text))
	if len(drawn) != 2 {
		t.Fatalf("DESIGN.md has %d drawings", len(drawn))
	}
	house, way := drawn[0].text, drawn[1].text
	for _, m := range regexp.MustCompile(`(?:cmd|provider|server|test)/[\w/-]*`).FindAllString(house, -1) {
		if _, err := os.Stat("../" + m); err != nil {
			t.Errorf("the house has %v", err)
		}
	}
	rooms, err := filepath.Glob("../provider/*/")
	if err != nil {
		t.Fatal(err)
	}
	for _, room := range rooms {
		if files, _ := filepath.Glob(room + "/*.go"); len(files) > 0 && !strings.Contains(house, room[len("../"):]+"/ ") {
			t.Errorf("the house lacks %s", room[len("../"):])
		}
	}
	steps := regexp.MustCompile(`(?m)^  \| ([a-z]+) `).FindAllStringSubmatch(way, -1)
	for _, step := range steps {
		_, outside := os.Stat("../" + step[1])
		if _, inside := os.Stat("../provider/" + step[1]); inside != nil && outside != nil {
			t.Errorf("the way of a mount has the step %s, which is no package", step[1])
		}
	}
	if len(steps) < 6 {
		t.Errorf("the way of a mount has %d steps", len(steps))
	}
}
