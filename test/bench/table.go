// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// row is one figure of the table.
type row struct {
	what     string
	measured string // with its unit
	ratio    float64
	unit     string // of ratio and most
	most     float64
	reads    string // number of requests to the store
}

func (r row) reached() bool { return r.most == 0 || r.ratio <= r.most }

// table returns rows as a Markdown table.
func table(rows []row) string {
	var text strings.Builder
	text.WriteString("| case | measured | figure | at most | requests to OKMS | |\n| --- | --- | --- | --- | --- " +
		"| --- |\n")
	for _, r := range rows {
		verdict, most, ratio := "reached", fmt.Sprintf("%.4g%s", r.most, r.unit), fmt.Sprintf("%.2f%s", r.ratio, r.unit)
		if !r.reached() {
			verdict = "**missed**"
		}
		if r.most == 0 {
			verdict, most, ratio = "", "", ""
		}
		fmt.Fprintf(&text, "| %s | %s | %s | %s | %s | %s |\n", r.what, r.measured, ratio, most, r.reads, verdict)
	}
	return text.String()
}

// heading returns a line about the store, the machine and the number of rounds.
func (b *bench) heading() string {
	return fmt.Sprintf("Store %s away, over TLS and HTTP/2; %d processors, %s, %s, %s/%s; median of %d rounds.\n\n",
		b.delay, runtime.NumCPU(), processor(), runtime.Version(), runtime.GOOS, runtime.GOARCH, b.rounds)
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

// The markers that enclose the table in a page.
const (
	begin = "<!-- make bench writes from here -->\n"
	end   = "<!-- to here -->\n"
)

// replace writes text between the markers of a page.
func replace(page, text string) error {
	old, err := os.ReadFile(page)
	if err != nil {
		return fmt.Errorf("reading the page: %w", err)
	}
	before, rest, found := strings.Cut(string(old), begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		return fmt.Errorf("page %s lacks the marker %q or %q", page, begin, end)
	}
	return os.WriteFile(page, []byte(before+begin+"\n"+text+"\n"+end+after), 0o644)
}
