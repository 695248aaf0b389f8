// SPDX-License-Identifier: Apache-2.0

package server

import (
	"fmt"
	"os"
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
