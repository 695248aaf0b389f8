// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"ovhcloud-csi-provider/cmd/ovhcsi/lint"
)

// Outputs returns the names of the forms of Write.
func Outputs() []string { return []string{"text", "short", "json"} }

// mark is the sign of a severity in a text, and its colour on a terminal.
type mark struct{ sign, colour string }

var marks = map[lint.Severity]mark{OK: {"✓", "\x1b[32m"}, lint.Error: {"✗", "\x1b[31m"}, lint.Warning: {"!",
	"\x1b[33m"}, lint.Note: {"?", "\x1b[36m"}}

// Write writes a report in a form: text for people, short with a line for each finding, or json.
// version is that of the program. colours says whether a text has colours.
func (r *Report) Write(to io.Writer, output, version string, colours bool) error {
	switch output {
	case "json":
		return r.json(to, version)
	case "short":
		return r.short(to)
	}
	var b strings.Builder
	category, told := "", map[string]int{}
	for _, one := range r.Results {
		if one.Category != category {
			category = one.Category
			fmt.Fprintf(&b, "%s\n", category)
		}
		if told[one.ID]++; one.ID != "" && told[one.ID] > mostTold {
			continue
		}
		one.text(&b, colours)
	}
	for _, rule := range Rules() {
		if more := told[rule.ID] - mostTold; more > 0 {
			fmt.Fprintf(&b, "%s: %d more; -o short or -o json lists all\n", rule.ID, more)
		}
	}
	fmt.Fprintf(&b, "%s\n", r.summary())
	_, err := io.WriteString(to, b.String())
	return err
}

// mostTold is how many findings of a rule a text shows.
const mostTold = 20

// text adds a result, and what to do about it.
func (one Result) text(b *strings.Builder, colours bool) {
	m := marks[one.Severity]
	sign := m.sign
	if colours {
		sign = m.colour + sign + "\x1b[0m"
	}
	fmt.Fprintf(b, "  %s %s\n", sign, one.line())
	switch {
	case one.Fix != "":
		fmt.Fprintf(b, "      %s. See %s\n", one.Fix, one.Page)
	case one.Page != "":
		fmt.Fprintf(b, "      See %s\n", one.Page)
	}
}

// line returns the ID, the object and the message.
func (one Result) line() string {
	text := one.Message
	if one.Object != "" {
		text = one.Object + ": " + text
	}
	if one.ID != "" {
		text = one.ID + " " + text
	}
	return text
}

// short writes a line for each finding.
func (r *Report) short(to io.Writer) error {
	for _, one := range r.Findings() {
		if _, err := fmt.Fprintf(to, "%s %s\n", one.Severity, one.line()); err != nil {
			return err
		}
	}
	return nil
}

// json writes all results.
func (r *Report) json(to io.Writer, version string) error {
	enc := json.NewEncoder(to)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(map[string]any{"version": version, "results": r.Results})
}

// summary is the last line of the text.
func (r *Report) summary() string {
	number := map[lint.Severity]int{}
	for _, one := range r.Results {
		number[one.Severity]++
	}
	text := fmt.Sprintf("%s, %s", plural(number[lint.Error], "error"), plural(number[lint.Warning], "warning"))
	if n := number[lint.Note]; n > 0 {
		text += fmt.Sprintf(", %d not checked", n)
	}
	return text
}
