// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const (
	tableBegin = "<!-- make simulate-faults writes from here -->"
	tableHead  = "| fault | found by | seed |\n| --- | --- | --- |\n"
)

// writeTables replaces the table of a file. Faults without a new result keep their row.
func writeTables(path string, all []fault, results map[string]result) error {
	text, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return err
	}
	before, after, marked := strings.Cut(string(text), tableBegin)
	if !marked {
		return fmt.Errorf("%s has no line %s", path, tableBegin)
	}
	known := rowsOf(after)
	var b strings.Builder
	b.WriteString(before + tableBegin + "\n\n" + tableHead)
	for _, f := range all {
		row := known[f.name]
		if r, tried := results[f.name]; tried {
			row = r.row(f.name)
		}
		b.WriteString(row)
	}
	return os.WriteFile(path, []byte(b.String()), 0o644) //nolint:gosec // a page of the docs
}

// rowsOf returns the rows of a table, by the name of the fault.
func rowsOf(table string) map[string]string {
	rows := map[string]string{}
	for line := range strings.Lines(table) {
		if name, _, is := strings.Cut(strings.TrimPrefix(line, "| "), " | "); is {
			rows[name] = line
		}
	}
	return rows
}

func (r result) row(name string) string {
	switch {
	case !r.found():
		return fmt.Sprintf("| %s | **not found** | |\n", name)
	case r.seed == 0:
		return fmt.Sprintf("| %s | `%s` | |\n", name, r.rule)
	}
	return fmt.Sprintf("| %s | %s | %d |\n", name, r.rule, r.seed)
}
