// SPDX-License-Identifier: Apache-2.0

package test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"ovhcloud-csi-provider/cmd/ovhcsi/lint"
)

// pages returns the text of each Markdown page of the project, by its path from the top.
func pages(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "test/*/*.md", "charts/*/*.md"} {
		names, err := filepath.Glob("../" + pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all[strings.TrimPrefix(name, "../")] = string(text)
		}
	}
	if len(all) < 25 {
		t.Fatalf("only %d pages were found", len(all))
	}
	return all
}

var (
	link     = regexp.MustCompile(`\]\(([^)#\s]*)(#[^)\s]+)?\)`)
	heading  = regexp.MustCompile(`(?m)^#+ (.*)$`)
	notInURL = regexp.MustCompile(`[^\w\- ]`)
)

// anchors returns those that a page has: of its headings, as GitHub makes them, and its own.
func anchors(text string) (all []string) {
	for _, h := range heading.FindAllStringSubmatch(text, -1) {
		plain := notInURL.ReplaceAllString(strings.ToLower(h[1]), "")
		all = append(all, strings.ReplaceAll(plain, " ", "-"))
	}
	for _, own := range regexp.MustCompile(`id="([^"]+)"`).FindAllStringSubmatch(text, -1) {
		all = append(all, own[1])
	}
	return all
}

func TestLinksOfPagesLeadSomewhere(t *testing.T) {
	all, links := pages(t), 0
	for name, text := range all {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], ":") { // of another site
				continue
			}
			links++
			to := name
			if m[1] != "" {
				to = filepath.Join(filepath.Dir(name), m[1])
			}
			if _, err := os.Stat("../" + to); err != nil {
				t.Errorf("%s: %s does not exist", name, m[0])
			} else if target, page := all[to]; page && m[2] != "" && !slices.Contains(anchors(target), m[2][1:]) {
				t.Errorf("%s: %s has no such heading", name, m[0])
			}
		}
	}
	t.Logf("%d links of %d pages", links, len(all))
}

// block is a part of a page between fences.
type block struct {
	page           string
	line           int // of its first line
	language, text string
}

func (b block) String() string { return fmt.Sprintf("%s:%d", b.page, b.line) }

// blocks returns the blocks of a page, without the indent of their fences.
func blocks(page, text string) (all []block) {
	var open *block
	indent := ""
	for i, line := range strings.Split(text, "\n") {
		fence, isFence := strings.CutPrefix(strings.TrimLeft(line, " "), "```")
		switch {
		case isFence && open == nil:
			indent = line[:len(line)-len(strings.TrimLeft(line, " "))]
			open = &block{page: page, line: i + 2, language: fence}
		case isFence:
			all, open = append(all, *open), nil
		case open != nil:
			open.text += strings.TrimPrefix(line, indent) + "\n"
		}
	}
	return all
}

// TestBlocksOfPagesAreValid checks the YAML and the commands of all pages. Blocks without a language are outputs; the tests of
// reference, formats, certificates and messages compare theirs.
func TestBlocksOfPagesAreValid(t *testing.T) {
	checks := map[string]func(*testing.T, block){"yaml": checkYAML, "sh": checkShell,
		"": nil, "console": nil, "json": nil, "promql": nil, "dockerfile": nil}
	counted := map[string]int{}
	for name, text := range pages(t) {
		for _, b := range blocks(name, text) {
			check, known := checks[b.language]
			if !known {
				t.Errorf("%s: a block of the language %q, which this test does not know", b, b.language)
			}
			if counted[b.language]++; check != nil {
				check(t, b)
			}
		}
	}
	t.Logf("blocks by language: %v", counted)
	if counted["yaml"] < 30 || counted["sh"] < 40 {
		t.Errorf("only %v blocks were found", counted)
	}
}

// checkYAML checks that a block is YAML, and that ovhcsi lint finds no error in its classes, pods and lists of objects.
func checkYAML(t *testing.T, b block) {
	for d := yaml.NewDecoder(strings.NewReader(b.text)); ; {
		var document yaml.Node
		err := d.Decode(&document)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Errorf("%s: %v", b, err)
			return
		}
	}
	text := b.text
	if regexp.MustCompile(`^- (secretPath|find|secrets)\b`).MatchString(text) {
		text = "apiVersion: secrets-store.csi.x-k8s.io/v1\nkind: SecretProviderClass\nmetadata: {name: shop}\nspec:\n  provider: ovhcloud\n" +
			"  parameters:\n    region: eu-west-par\n    okmsId: 734b9b45-8b1a-469c-b140-b10bd6540017\n    objects: |\n      " +
			strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n      ") + "\n"
	}
	for _, f := range lint.Run([]lint.Source{{Name: b.String(), Text: text}}) {
		if f.Severity == lint.Error {
			t.Errorf("%s: line %d of the block: %s %s", b, f.Line, f.ID, f.Message)
		}
	}
}

var (
	target  = regexp.MustCompile(`(?m)^(?:sudo )?make ([a-z0-9-]+)`)
	command = regexp.MustCompile(`(?m)(?:^|[|&;] *|\$ |\./cmd/)ovhcsi ([a-z-]+)`)
)

// checkShell checks the syntax of a block, and that its targets of make and commands of ovhcsi exist.
func checkShell(t *testing.T, b block) {
	if shell, err := exec.LookPath("bash"); err == nil { // there is none on some machines; CI has one
		syntax := exec.Command(shell, "-n")
		syntax.Stdin = strings.NewReader(b.text)
		if out, err := syntax.CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", b, err, out)
		}
	}
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range target.FindAllStringSubmatch(b.text, -1) {
		if !strings.Contains(string(makefile), "\n"+m[1]+":") {
			t.Errorf("%s: make %s has no target", b, m[1])
		}
	}
	for _, m := range command.FindAllStringSubmatch(b.text, -1) {
		if !slices.Contains(commands(t), m[1]) {
			t.Errorf("%s: ovhcsi has no command %s", b, m[1])
		}
	}
}

// commands returns the names of ovhcsi's commands, as its source has them.
func commands(t *testing.T) (all []string) {
	t.Helper()
	files, err := filepath.Glob("../cmd/ovhcsi/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?:Use:\s+|newGroup\()"([a-z-]+)`).FindAllStringSubmatch(string(text), -1) {
			all = append(all, m[1])
		}
	}
	return append(all, "completion", "help")
}
