// SPDX-License-Identifier: Apache-2.0

package main

import (
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"
)

// flagDefaults returns the default of each flag, given texts for one flag each; a zero value is "".
func flagDefaults(flags []string, value *regexp.Regexp) map[string]string {
	all := map[string]string{}
	for _, text := range flags {
		name := regexp.MustCompile("^[a-z-]+").FindString(text)
		all[name] = ""
		if found := value.FindStringSubmatch(text); found != nil && found[1] != "0" {
			all[name] = found[1]
		}
	}
	return all
}

// TestThePageOfTheDaemonHasTheFlags: its table has the flags of --help, with their defaults.
func TestThePageOfTheDaemonHasTheFlags(t *testing.T) {
	f, err := parseFlags([]string{"--help"})
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/daemon.md")
	if err != nil {
		t.Fatal(err)
	}
	section, _, _ := strings.Cut(string(page), "\n## ")
	help := flagDefaults(strings.Split(f.help, "\n  --")[1:], regexp.MustCompile(`\(default "?([^")]*)`))
	section = strings.ReplaceAll(section, "| `--", "| `-")
	table := flagDefaults(strings.Split(section, "\n| `-")[1:], regexp.MustCompile("^[^|]*\\| `([^`|]*)` \\|"))
	if len(help) < 13 || !maps.Equal(help, table) {
		t.Errorf("--help has %v\ndocs/daemon.md has %v", help, table)
	}
}
