// SPDX-License-Identifier: Apache-2.0

package server

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"ovhcloud-csi-provider/provider/failure"
)

// kindsTable returns the table of docs/errors.md.
func kindsTable() string {
	drops := map[failure.Scope]string{
		failure.OfNothing: "none", failure.OfCredential: "all", failure.OfDomain: "of the domain",
		failure.OfPath: "of the secret", failure.OfVersion: "of the version", failure.OfRequest: "of the same request",
	}
	table := "| kind | gRPC code | retried at once | another value is served | cached values dropped |\n" +
		"| --- | --- | --- | --- | --- |\n"
	for _, k := range failure.Kinds() {
		retried := "no"
		switch {
		case k.Retries(400):
			retried = "yes"
		case k.Retries(0):
			retried = "yes, not after HTTP 4xx"
		case k.Retries(500):
			retried = "after HTTP 500, 502, 503, 504"
		}
		passes := "no"
		if k.MayPass() {
			passes = "yes"
		}
		table += fmt.Sprintf("| [`%s`](#%[1]s) | %s | %s | %s | %s |\n",
			k, codeOf[k.Answer()], retried, passes, drops[k.Drops()])
	}
	return table
}

// TestThePageHasEveryKindOfFailure compares docs/errors.md with the table of kinds: a row for each, and below it a
// section with its cause and its cure.
func TestThePageHasEveryKindOfFailure(t *testing.T) {
	page, err := os.ReadFile("../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	if table := kindsTable(); !strings.Contains(string(page), "\n\n"+table+"\n") {
		t.Errorf("docs/errors.md must have the table\n%s", table)
	}
	var sections, kinds []string
	section := regexp.MustCompile("(?m)^## `(\\w+)`\n\n\\*\\*Cause\\.\\*\\* .*(?:\n.+)*\n\n\\*\\*Cure\\.\\*\\* ")
	for _, m := range section.FindAllSubmatch(page, -1) {
		sections = append(sections, string(m[1]))
	}
	for _, k := range failure.Kinds() {
		kinds = append(kinds, string(k))
	}
	if got, want := strings.Join(sections, " "), strings.Join(kinds, " "); got != want {
		t.Errorf("docs/errors.md has the sections\n%s\nwant, each with a cause and a cure,\n%s", got, want)
	}
}

// namedKinds matches where a page or an alert names kinds of failure: as an argument of the
// runbook's function, or as the result of a mount.
var namedKinds = regexp.MustCompile(`\bfailures ([a-z_]+)(?:[;` + "`" + `]|  +#|$)|\bresult(?:=|!=|=~|!~)\\?"([a-z_|]+)\\?"`)

// A page that names a kind that does not exist sends its reader to search for nothing.
func TestPagesNameOnlyKindsThatExist(t *testing.T) {
	known := map[string]bool{"ok": true}
	for _, k := range failure.Kinds() {
		known[string(k)] = true
	}
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for _, path := range append(pages, "../charts/ovhcloud-csi-provider/files/alerts.yaml") {
		page, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(page)) {
			for _, m := range namedKinds.FindAllStringSubmatch(strings.TrimRight(line, "\n"), -1) {
				for kind := range strings.SplitSeq(m[1]+m[2], "|") {
					named++
					if !known[kind] {
						t.Errorf("%s names the kind %q, which does not exist: %s", path, kind, line)
					}
				}
			}
		}
	}
	if named < 20 {
		t.Errorf("only %d kinds were found", named)
	}
}
