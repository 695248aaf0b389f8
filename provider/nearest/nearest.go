// SPDX-License-Identifier: Apache-2.0

// Package nearest suggests a valid name for a mistyped one.
//
// The callers provide the valid names.
package nearest

import (
	"fmt"
	"strings"
)

// Suggestion returns the end of a message about an invalid name: a question with the valid name
// that Name finds, or a list of at most 12 valid names if it finds none.
func Suggestion(name string, valid []string) string {
	if near := Name(name, valid); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	list := valid
	if len(list) > 12 {
		list = append(append([]string{}, list[:12]...), "…")
	}
	return "valid are " + strings.Join(list, ", ")
}

// Name returns the valid name with the smallest edit distance from name, ignoring
// case. It returns "" if every distance exceeds both 2 and a third of the length of
// name, or if name is longer than 64 bytes.
func Name(name string, valid []string) string {
	best, fewest := "", max(2, len(name)/3)+1
	if len(name) > 64 {
		return ""
	}
	for _, v := range valid {
		if len(v)-len(name) >= fewest || len(name)-len(v) >= fewest {
			continue // at least that many edits; skipped because edits takes time and memory for a long v
		}
		if d := edits(strings.ToLower(name), strings.ToLower(v)); d < fewest && d < len(v) {
			best, fewest = v, d
		}
	}
	return best
}

// edits returns the Levenshtein distance of a and b in bytes.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
