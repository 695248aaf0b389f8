// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// noticesFile has the licences of all modules that the programs are linked with, and Go's own.
const noticesFile = "THIRD_PARTY_NOTICES"

// allowed are the licences that a module may have. Those of MPL-2.0 are used unchanged: the notices say where their
// source is.
var allowed = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0"}

// licensed is a library as go-licenses reports it.
type licensed struct{ Name, Version, Licence, Text string }

// reportTemplate makes go-licenses print one JSON value for each library.
const reportTemplate = `{{range .}}{"Name":{{printf "%q" .Name}},"Version":{{printf "%q" .Version}},` +
	`"Licence":{{printf "%q" .LicenseName}},"Text":{{printf "%q" .LicenseText}}}
{{end}}`

// writeNotices writes THIRD_PARTY_NOTICES. It fails if a library has a licence that is not allowed.
func writeNotices(root string) error {
	libraries, err := linked(root)
	if err != nil {
		return err
	}
	for _, l := range libraries {
		if !slices.Contains(allowed, l.Licence) {
			return fmt.Errorf("%s has the licence %s, which is not one of %s", l.Name, l.Licence, strings.Join(allowed, ", "))
		}
	}
	return os.WriteFile(filepath.Join(root, noticesFile), []byte(notices(libraries)), 0o644)
}

// linked returns the libraries that both programs are linked with on any platform, sorted by name, and Go's own.
func linked(root string) ([]licensed, error) {
	template := filepath.Join(root, "bin", "licences.tpl")
	if err := os.MkdirAll(filepath.Dir(template), 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(template, []byte(reportTemplate), 0o644); err != nil {
		return nil, err
	}
	program := filepath.Join(root, "bin", "go-licenses")
	if _, err := output(filepath.Join(root, "test/release"), nil, "go", "build", "-o", program,
		"github.com/google/go-licenses/v2"); err != nil {
		return nil, err
	}
	all := map[string]licensed{}
	for _, system := range []string{"linux", "darwin"} {
		// It finds out the address of a licence over the network; without one it warns, and goes on.
		out, err := output(root, []string{"GOOS=" + system, "CGO_ENABLED=0", "GOFLAGS=-tags=grpcnotrace"}, program, "report",
			"--ignore", daemon, "--template", template, "./cmd/"+daemon, "./cmd/"+tool)
		if err != nil {
			return nil, err
		}
		for line := range strings.SplitSeq(out, "\n") {
			var l licensed
			if line == "" {
				continue
			}
			if err := json.Unmarshal([]byte(line), &l); err != nil {
				return nil, fmt.Errorf("the report of go-licenses: %w: %.200s", err, line)
			}
			all[l.Name] = l
		}
	}
	goroot, err := output(root, nil, "go", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	licence, err := os.ReadFile(filepath.Join(goroot, "LICENSE"))
	if err != nil {
		return nil, err
	}
	libraries := []licensed{{"Go's standard library", "", "BSD-3-Clause", string(licence)}}
	for _, l := range all {
		libraries = append(libraries, l)
	}
	slices.SortFunc(libraries[1:], func(a, b licensed) int { return cmp.Compare(a.Name, b.Name) })
	return libraries, nil
}

// notices returns the text of THIRD_PARTY_NOTICES: each text once, after the names of all libraries that have it.
func notices(libraries []licensed) string {
	var out strings.Builder
	out.WriteString(`The programs of this project contain the libraries below. Each is used as it was published: its source is the Go module of this
name, at https://proxy.golang.org. "make notices" writes this file.
`)
	done := map[string]bool{}
	for _, l := range libraries {
		if done[l.Text] {
			continue
		}
		done[l.Text] = true
		out.WriteString("\n" + strings.Repeat("=", 80) + "\n")
		for _, same := range libraries {
			if same.Text == l.Text {
				fmt.Fprintln(&out, strings.TrimSpace(same.Name+" "+same.Version)+", "+same.Licence)
			}
		}
		out.WriteString("\n" + strings.TrimRight(strings.ReplaceAll(l.Text, "\r\n", "\n"), "\n") + "\n")
	}
	return out.String()
}
