// SPDX-License-Identifier: Apache-2.0

package lint

// Finding is one mistake.
type Finding struct {
	ID       string   `json:"id"`
	Severity Severity `json:"severity"`
	File     string   `json:"file"`
	Line     int      `json:"line"`   // from 1
	Column   int      `json:"column"` // from 1
	Message  string   `json:"message"`
	source   int      // the place of its file among the sources
}

// Severity of a finding.
type Severity string

// Source is a text to look at.
type Source struct{ Name, Text string }

// The severities. A note changes no exit status.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Note    Severity = "note"
)
