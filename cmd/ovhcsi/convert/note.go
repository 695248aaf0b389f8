// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"fmt"

	"ovhcloud-csi-provider/cmd/ovhcsi/lint"
)

// mostNotes bounds the notes of a conversion: one alias can repeat a mistake many times.
const mostNotes = 10_000

// comments are lines of a comment without their sign.
type comments []string

// Note is what a person should know about a conversion.
type Note struct {
	Severity lint.Severity // Warning for what has no counterpart; Note for advice
	File     string
	Line     int // from 1
	Message  string
}

// report collects notes.
type report struct{ notes []Note }

// add adds a note.
func (r *report) add(severity lint.Severity, file string, line int, format string, args ...any) {
	if len(r.notes) < mostNotes {
		r.notes = append(r.notes, Note{severity, file, line, fmt.Sprintf(format, args...)})
	}
}
