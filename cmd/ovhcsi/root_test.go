// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// allCommands returns the commands that people see.
func allCommands(c *cobra.Command) (all []*cobra.Command) {
	all = append(all, c)
	for _, sub := range c.Commands() {
		if !sub.Hidden {
			all = append(all, allCommands(sub)...)
		}
	}
	return all
}

// TestTyposAtEveryLevel misspells each command and each flag: the message names the right one.
func TestTyposAtEveryLevel(t *testing.T) {
	for _, c := range allCommands(newRootCommand("ovhcsi", streams{})) {
		path := strings.Fields(c.CommandPath())[1:]
		misspelt := func(word string) string { return word[:1] + word[2:] }
		expect := func(command, right string, args ...string) {
			t.Helper()
			code, stdout, stderr := runWith("", args...)
			if code != exitUsage || stdout != "" || strings.Count(stderr, "\n") != 1 ||
				!strings.HasPrefix(stderr, command+": ") ||
				!strings.Contains(stderr, "did you mean "+right+"?") {
				t.Errorf("%q: exit code %d, %q, %q; want %s", args, code, stdout, stderr, right)
			}
		}
		if c.HasParent() {
			up := path[:len(path)-1]
			wrong := append(slices.Clone(up), misspelt(c.Name()))
			expect(c.Parent().CommandPath(), c.Name(), wrong...)
			expect(c.Parent().CommandPath(), c.Name(), append(wrong, "--some-flag", "x")...)
			expect("ovhcsi help", c.Name(), append([]string{"help"}, wrong...)...)
		}
		c.InitDefaultHelpFlag()
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if len(f.Name) > 3 {
				expect(c.CommandPath(), "--"+f.Name, append(slices.Clone(path), "--"+misspelt(f.Name))...)
				expect(c.CommandPath(), "--"+f.Name, append(slices.Clone(path), "--"+misspelt(f.Name)+"=x")...)
			}
		})
	}
}

// TestEachCommandHasHelp checks what a help text needs: a purpose, and a text for each flag.
func TestEachCommandHasHelp(t *testing.T) {
	for _, c := range allCommands(newRootCommand("ovhcsi", streams{})) {
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: its short text is %q", c.CommandPath(), c.Short)
		}
		for _, line := range strings.Split(c.Long, "\n") {
			if len(line) > 100 {
				t.Errorf("%s: a line of its help is longer than 100 bytes: %s", c.CommandPath(), line)
			}
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" {
				t.Errorf("%s --%s has no text", c.CommandPath(), f.Name)
			}
		})
	}
}

// TestThePageOfTheTool checks that docs/ovhcsi.md has each command and each exit code.
func TestThePageOfTheTool(t *testing.T) {
	text, err := os.ReadFile("../../docs/ovhcsi.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range newRootCommand("ovhcsi", streams{}).Commands() {
		if row := "| `" + c.Name() + "` | " + c.Short + " |"; !c.Hidden && c.Name() != "help" &&
			!strings.Contains(string(text), row) {
			t.Errorf("docs/ovhcsi.md lacks the row %s", row)
		}
	}
	if table := "| code | means |\n| --- | --- |\n" + exitCodesPage() + "\n"; !strings.Contains(string(text), table) {
		t.Errorf("docs/ovhcsi.md lacks the table\n%s", table)
	}
}

// exitCodesPage returns the rows of the exit codes in docs/ovhcsi.md.
func exitCodesPage() string {
	var b strings.Builder
	for _, line := range strings.Split(strings.TrimSpace(exitCodesHelp()), "\n") {
		code, means, _ := strings.Cut(strings.TrimSpace(line), "  ")
		b.WriteString("| " + code + " | " + strings.TrimSpace(means) + " |\n")
	}
	return b.String()
}

// TestManPages checks that each command has a page, and that no line of a help text is a command of
// roff.
func TestManPages(t *testing.T) {
	dir := t.TempDir()
	if code, _, stderr := runWith("", "man", dir); code != exitOK {
		t.Fatal(stderr)
	}
	for _, c := range allCommands(newRootCommand("ovhcsi", streams{})) {
		if c.Name() == "help" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, manName(c)+".1"))
		if err != nil {
			t.Error(err)
		}
		for _, line := range strings.Split(string(text), "\n") {
			macro, _, _ := strings.Cut(line, " ")
			if strings.HasPrefix(line, "'") ||
				strings.HasPrefix(line, ".") && !slices.Contains([]string{".TH", ".SH", ".B", ".PP", ".TP", ".nf", ".fi"}, macro) {
				t.Errorf("%s: %q", manName(c), line)
			}
		}
	}
}
