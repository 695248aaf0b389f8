// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"

	"ovhcloud-csi-provider/test/page"
)

// versions are those that test/cluster pins.
type versions struct{ kubernetes, driver string }

func pinnedVersions() (v versions, err error) {
	if v.kubernetes, err = versionOf("test/cluster/kubernetes", "k8s.io/kubernetes"); err != nil {
		return v, err
	}
	v.driver, err = versionOf("test/cluster/tools", "sigs.k8s.io/secrets-store-csi-driver")
	return v, err
}

// versionOf returns which version of a module another one takes, without the v.
func versionOf(dir, module string) (string, error) {
	cmd := exec.Command("go", "list", "-m", "-f", "{{.Version}}", module)
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("looking for the version of %s in %s: %w", module, dir, err)
	}
	return strings.TrimPrefix(strings.TrimSpace(string(out)), "v"), nil
}

// name returns the versions of a pair, such as 1.37.2/1.6.1.
func (v versions) name(p pair) string {
	if p.kubernetes != "" {
		v.kubernetes = p.kubernetes
	}
	if p.driver != "" {
		v.driver = p.driver
	}
	return v.kubernetes + "/" + v.driver
}

// outcome counts the scenarios in the output of bats, which is written to it. The zero value
// is ready to use.
type outcome struct {
	line    bytes.Buffer
	passed  int
	skipped int
	failed  []string // the scenarios' names
}

// scenario is a line of bats about one, such as "not ok 3 a wrong class in 1sec".
var scenario = regexp.MustCompile(`^(not )?ok \d+ (.*?)(?: in \d+(?:sec|ms))?( # skip.*)?$`)

func (o *outcome) Write(b []byte) (int, error) {
	o.line.Write(b)
	for {
		line, rest, found := bytes.Cut(o.line.Bytes(), []byte("\n"))
		if !found {
			return len(b), nil
		}
		switch m := scenario.FindSubmatch(line); {
		case m == nil:
		case len(m[1]) > 0:
			o.failed = append(o.failed, string(m[2]))
		case len(m[3]) > 0:
			o.skipped++
		default:
			o.passed++
		}
		o.line = *bytes.NewBuffer(bytes.Clone(rest))
	}
}

// result is what a run of a pair gave.
type result struct {
	name string
	day  string
	outcome
	err error // of the whole run
}

// allPassed reports whether all scenarios were run and none failed.
func (r result) allPassed() bool { return r.err == nil && len(r.failed) == 0 && r.passed > 0 }

// header begins the table.
const header = "| Kubernetes | driver | day | passed | skipped | failed |\n| --- | --- | --- | --- | --- | --- |\n"

// key returns the begin of the row of a pair.
func key(name string) string { return "| " + strings.Replace(name, "/", " | ", 1) + " |" }

// String returns the row of the table.
func (r result) String() string {
	failed := strings.Join(r.failed, "; ")
	if failed == "" && !r.allPassed() {
		failed = "the run ended early"
	}
	row := fmt.Sprintf("%s %s | %d | %d | %s", key(r.name), r.day, r.passed, r.skipped, failed)
	return strings.TrimSuffix(row, " ") + " |\n"
}

// begin is the line of the page above the table.
const begin = "<!-- make matrix writes from here -->\n"

// write puts the row of a result into the table of a page, in place of the pair's last one.
func write(to string, r result) error {
	old, err := page.Find(to, begin)
	if err != nil {
		return err
	}
	rows := strings.TrimPrefix(strings.TrimSpace(old)+"\n", header)
	var table strings.Builder
	written := false
	for row := range strings.Lines(strings.TrimPrefix(rows, "\n")) {
		if strings.HasPrefix(row, key(r.name)) {
			row, written = r.String(), true
		}
		table.WriteString(row)
	}
	if !written {
		table.WriteString(r.String())
	}
	return page.Replace(to, begin, header+table.String())
}
