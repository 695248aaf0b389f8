// SPDX-License-Identifier: Apache-2.0

package test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"ovhcloud-csi-provider/cmd/ovhcsi/lint"
)

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

// checks are the languages of blocks that this package checks.
var checks = map[string]func(*testing.T, block){
	"yaml": checkYAML, "sh": checkShell, "json": checkJSON, "promql": checkQueries, "dockerfile": checkDockerfile,
	"terraform": checkTerraform,
}

// compared lists the blocks that show what a program gives: how many a page has, and the test that compares them. Such
// a block has no language, or console if it has the command too.
var compared = []struct {
	page, language string
	blocks         int
	file, test     string // the file has this text
}{
	{"DESIGN.md", "", 2, "test/design_test.go", "func TestDesignNamesWhatExists("},
	{"README.md", "console", 1, "test/shapes/pages_test.go", `"README.md"`},
	{"docs/quickstart.md", "console", 1, "test/shapes/pages_test.go", `"docs/quickstart.md"`},
	{"docs/quickstart.fr.md", "console", 1, "test/shapes/pages_test.go", `"docs/quickstart.fr.md"`},
	{"docs/certificates.md", "", 2, "test/shapes/certificates_test.go", "func TestExamplesOfCertificates("},
	{"docs/class.md", "", 1, "test/messages/page_test.go", "func TestThePageShowsTheMessage("},
	{"docs/formats.md", "", 5, "provider/format/docs_test.go", "func TestThePageIsTrue("},
	{"docs/ovhcsi.md", "", 1, "cmd/ovhcsi/testdata/script/diff.txt", "\nshown ovhcsi.md\n"},
	{"docs/reference.md", "", 17, "test/shapes/reference_test.go", "func TestTheReferenceShowsWhatFieldsDo("},
}

// TestBlocksOfPagesAreChecked checks all blocks of all pages, and counts them.
func TestBlocksOfPagesAreChecked(t *testing.T) {
	type kind struct{ page, language string }
	counted, outputs := map[string]int{}, map[kind]int{}
	for name, text := range pages(t) {
		for _, b := range blocks(name, text) {
			if check := checks[b.language]; check != nil {
				check(t, b)
				counted[b.language]++
			} else {
				outputs[kind{name, b.language}]++
			}
		}
	}
	for _, c := range compared {
		text, err := os.ReadFile("../" + c.file)
		if err != nil || !strings.Contains(string(text), c.test) {
			t.Errorf("%s should compare blocks of %s: it has no %q (%v)", c.file, c.page, c.test, err)
		}
		outputs[kind{c.page, c.language}] -= c.blocks
		counted["output"] += c.blocks
	}
	unchecked := 0
	for of, n := range outputs {
		if unchecked += max(n, 0); n != 0 {
			t.Errorf("%s: %+d blocks of the language %q; add or remove the test that compares them, in compared", of.page, n,
				of.language)
		}
	}
	all := 0
	for _, n := range counted {
		all += n
	}
	t.Logf("%d blocks checked: %v; %d unchecked", all, counted, unchecked)
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
		text = "apiVersion: secrets-store.csi.x-k8s.io/v1\nkind: SecretProviderClass\nmetadata: {name: shop}\nspec:\n  " +
			"provider: ovhcloud\n" +
			"  parameters:\n    region: eu-west-par\n    okmsId: 734b9b45-8b1a-469c-b140-b10bd6540017\n    objects: |\n      " +
			strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n      ") + "\n"
	}
	for _, f := range lint.Run([]lint.Source{{Name: b.String(), Text: text}}) {
		if f.Severity == lint.Error {
			t.Errorf("%s: line %d of the block: %s %s", b, f.Line, f.ID, f.Message)
		}
	}
}

var target = regexp.MustCompile(`(?m)^(?:sudo )?make ([a-z0-9-]+)`)

// checkShell checks the syntax of a block, that its targets of make and files of this repository exist, and its values
// of the chart. A test of cmd/ovhcsi reads its commands of ovhcsi.
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
	for _, m := range regexp.MustCompile(`(?m)(?:^|[\s=])\.?/?((?:charts|cmd|docs|manifests|test)/[\w./-]+)`).FindAllStringSubmatch(b.text, -1) {
		if _, err := os.Stat("../" + m[1]); err != nil {
			t.Errorf("%s: %v", b, err)
		}
	}
	for _, m := range regexp.MustCompile(`(?:install|upgrade) ovhcloud-csi-provider (?:\\\n|[^\n])*`).FindAllString(b.text, -1) {
		checkValues(t, b, m)
	}
	checkOVHcloud(t, b)
}

// checkValues checks that the chart has the values that a command of helm sets.
func checkValues(t *testing.T, b block, command string) {
	text, err := os.ReadFile("../charts/ovhcloud-csi-provider/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var values map[string]any
	if err := yaml.Unmarshal(text, &values); err != nil {
		t.Fatal(err)
	}
	for _, set := range regexp.MustCompile(`--set(?:-string|-file)? '?([^\s']+)`).FindAllStringSubmatch(command, -1) {
		for assignment := range strings.SplitSeq(strings.ReplaceAll(set[1], `\,`, ";"), ",") {
			name, _, _ := strings.Cut(assignment, "=")
			if strings.HasPrefix(name, "secrets-store-csi-driver.") {
				continue // the driver's chart has these
			}
			var at any = values
			for part := range strings.SplitSeq(regexp.MustCompile(`\[\d+\].*`).ReplaceAllString(name, ""), ".") {
				inner, _ := at.(map[string]any)
				value, exists := inner[part]
				if at = value; !exists {
					t.Errorf("%s: the chart has no value %s", b, name)
				}
			}
		}
	}
}

// checkJSON checks that a block is one JSON value.
func checkJSON(t *testing.T, b block) {
	if !json.Valid([]byte(b.text)) {
		t.Errorf("%s: is not JSON", b)
	}
}

// checkQueries checks that a block has a query of Prometheus on each line, on metrics and labels that exist.
func checkQueries(t *testing.T, b block) {
	for query := range strings.Lines(b.text) {
		for _, wrong := range mistakesOf(query) {
			t.Errorf("%s: %s", b, wrong)
		}
	}
}

// checkDockerfile checks the names of instructions, and the arrays that they run. A test of cmd/ovhcsi reads the
// commands in them.
func checkDockerfile(t *testing.T, b block) {
	for line := range strings.Lines(b.text) {
		instruction, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch instruction {
		case "FROM", "COPY":
		case "ENTRYPOINT", "CMD":
			if !json.Valid([]byte(rest)) {
				t.Errorf("%s: %s needs an array: %s", b, instruction, rest)
			}
		default:
			t.Errorf("%s: the instruction %q, which this test does not know", b, instruction)
		}
	}
}
