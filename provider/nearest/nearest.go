// Package nearest finds the name that somebody who mistyped one may have meant.
//
// It knows no names itself.
package nearest

import (
	"fmt"
	"strings"
)

// Suggestion helps with a name that is not among the valid ones: the nearest, if
// one is near, else all of them.
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

// Name is the valid name that takes the fewest edits to reach from name,
// regardless of case, or "" if all take more than a third of its length and more
// than two.
func Name(name string, valid []string) string {
	best, fewest := "", max(2, len(name)/3)+1
	if len(name) > 64 {
		return ""
	}
	for _, v := range valid {
		if len(v)-len(name) >= fewest || len(name)-len(v) >= fewest {
			continue // so many edits at least; and v may be of any length
		}
		if d := edits(strings.ToLower(name), strings.ToLower(v)); d < fewest && d < len(v) {
			best, fewest = v, d
		}
	}
	return best
}

// edits is the Levenshtein distance in bytes.
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
