// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"strings"
	"testing"
)

// TestTheNoticesNameWhatIsLinked compares THIRD_PARTY_NOTICES with the modules that both programs are linked with.
func TestTheNoticesNameWhatIsLinked(t *testing.T) {
	content, err := os.ReadFile("../../" + noticesFile)
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for line := range strings.SplitSeq(string(content), "\n") {
		if name, _, ok := strings.Cut(line, ", "); ok {
			named[name] = true // also lines of licences
		}
	}
	linked := map[string]bool{}
	for _, system := range []string{"linux", "darwin"} {
		out, err := output("../..", []string{"GOOS=" + system, "CGO_ENABLED=0"}, "go", "list", "-deps", "-tags",
			"grpcnotrace",
			"-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}{{end}}{{end}}", "./cmd/"+daemon, "./cmd/"+tool)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.SplitSeq(out, "\n") {
			if line != "" {
				linked[line] = true
			}
		}
	}
	for module := range linked {
		path, version, _ := strings.Cut(module, " ")
		if !anyOf(named, path, version) {
			t.Errorf("%s does not name %s; run make notices", noticesFile, module)
		}
	}
	for name := range named {
		if path, version, ok := strings.Cut(name, " v"); ok && !strings.Contains(path, " ") &&
			!fromModule(linked, path, "v"+version) {
			t.Errorf("%s names %s, which is not linked; run make notices", noticesFile, name)
		}
	}
	if len(linked) < 20 {
		t.Errorf("only %d modules were found", len(linked))
	}
}

// anyOf reports whether the notices name a package of a module in this version.
func anyOf(named map[string]bool, path, version string) bool {
	for name := range named {
		if of, at, ok := strings.Cut(name, " "); ok && at == version && (of == path || strings.HasPrefix(of, path+"/")) {
			return true
		}
	}
	return false
}

// fromModule reports whether a package is of a linked module in this version.
func fromModule(linked map[string]bool, path, version string) bool {
	for module := range linked {
		if of, at, _ := strings.Cut(module, " "); at == version && (path == of || strings.HasPrefix(path, of+"/")) {
			return true
		}
	}
	return false
}

func TestTheSameTextIsPrintedOnce(t *testing.T) {
	got := notices([]licensed{{"a", "v1", "MIT", "text\r\nof MIT\n"}, {"b", "v2", "ISC", "other"},
		{"c", "v3", "MIT", "text\r\nof MIT\n"}})
	if !strings.Contains(got, "\na v1, MIT\nc v3, MIT\n\ntext\nof MIT\n") || strings.Count(got, "of MIT") != 1 {
		t.Errorf("got\n%s", got)
	}
}
