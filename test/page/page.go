// SPDX-License-Identifier: Apache-2.0

// Package page writes figures into pages of the documentation, and says on which machine they were measured.
package page

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// end is the line of a page below the figures.
const end = "<!-- to here -->\n"

// Replace writes text between the line begin and the next line "to here" of a page.
func Replace(page, begin, text string) error {
	before, _, after, err := split(page, begin)
	if err != nil {
		return err
	}
	return os.WriteFile(page, []byte(before+begin+"\n"+text+"\n"+end+after), 0o644)
}

// Find returns the text between the line begin and the next line "to here" of a page.
func Find(page, begin string) (string, error) {
	_, text, _, err := split(page, begin)
	return text, err
}

// split returns the parts of a page before, between and after the lines.
func split(page, begin string) (before, between, after string, err error) {
	text, err := os.ReadFile(page)
	if err != nil {
		return "", "", "", fmt.Errorf("reading the page: %w", err)
	}
	before, rest, found := strings.Cut(string(text), begin)
	between, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		return "", "", "", fmt.Errorf("page %s lacks the marker %q or %q", page, begin, end)
	}
	return before, between, after, nil
}

// Machine returns what the figures were measured on: processors, Go, and the system.
func Machine() string {
	return fmt.Sprintf("%d processors, %s, %s, %s/%s", runtime.NumCPU(), processor(), runtime.Version(), runtime.GOOS,
		runtime.GOARCH)
}

// processor returns the model of the processor, from /proc/cpuinfo.
func processor() string {
	info, _ := os.ReadFile("/proc/cpuinfo") // the file exists on Linux only
	for line := range strings.Lines(string(info)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}
