// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	fenced = regexp.MustCompile("(?ms)^ *```(?:sh|console|yaml|dockerfile)\n(.*?)^ *```")
	// called matches what follows the name of the program, on the line of a shell or in an array.
	called = regexp.MustCompile(`(?:^|[|&;'(] *|\$ |\./cmd/|-- |kubectl )ovhcsi ([a-z].*)|"/ovhcsi", (.*)\]`)
	word   = regexp.MustCompile(`'[^']*'|"[^"]*"|[^\s,']+`)
)

// commandsOf returns the arguments of each call of the program in the blocks of a page.
func commandsOf(page string) (all [][]string) {
	for _, block := range fenced.FindAllStringSubmatch(page, -1) {
		for line := range strings.Lines(strings.ReplaceAll(block[1], "\\\n", " ")) {
			for rest := strings.TrimSpace(line); ; {
				call := called.FindStringSubmatch(rest)
				if call == nil {
					break
				}
				rest = call[1] + call[2]
				if args := words(rest); len(args) > 0 {
					all = append(all, args)
				}
			}
		}
	}
	return all
}

// words returns the words of a command until something ends it: a pipe, a redirection, a comment.
func words(command string) (args []string) {
	for _, w := range word.FindAllString(command, -1) {
		if strings.ContainsAny(w[:1], "|&;><#)") || strings.HasPrefix(w, "2>") {
			break
		}
		args = append(args, strings.Trim(w, `'"`))
	}
	return args
}

// TestCommandsOfPagesAreValid checks that each command of the program in a page exists, with the flags that it gets
// there.
func TestCommandsOfPagesAreValid(t *testing.T) {
	var names []string
	for _, pattern := range []string{"*.md", "docs/*.md", "charts/*/*.md"} {
		found, err := filepath.Glob("../../" + pattern)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, found...)
	}
	checked := 0
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, args := range commandsOf(string(text)) {
			checked++
			if err := valid(args); err != nil {
				t.Errorf("%s: ovhcsi %s: %v", name, strings.Join(args, " "), err)
			}
		}
	}
	t.Logf("%d commands", checked)
	if checked < 30 {
		t.Errorf("only %d commands were found", checked)
	}
}

// valid returns an error if the program has no such command, or the command no such flag.
func valid(args []string) error {
	c, rest, err := newRootCommand("ovhcsi", streams{}).Find(args)
	if err != nil {
		return err
	}
	if !c.HasParent() || c.HasSubCommands() && !slices.Contains(rest, "--help") {
		return fmt.Errorf("there is no such command")
	}
	return c.ParseFlags(rest)
}

func TestCommandsOfPagesAreFound(t *testing.T) {
	page := "```sh\nhelm template x | ovhcsi lint - \\\n  --nonsense >file  # --comment\nkubectl ovhcsi help\n" +
		"ovhcsi emulator -- sh -c 'ovhcsi diff a && b'\n```\n" +
		"```dockerfile\nENTRYPOINT [\"/ovhcsi\", \"exec\", \"--floder\"]\n```\n"
	got := fmt.Sprint(commandsOf(page))
	if want := "[[lint - --nonsense] [help] [emulator -- sh -c ovhcsi diff a && b] [diff a] [exec " +
		"--floder]]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, args := range [][]string{{"lint", "--nonsense"}, {"exec", "--floder"}, {"lnit"}, {"connections"}} {
		if valid(args) == nil {
			t.Errorf("%q is valid", args)
		}
	}
}
