// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"strings"
)

// Problem is an error in the file of connections. Line counts from 1; 0 means the whole file.
type Problem struct {
	Line int
	Text string
	// missing is the name of the field if the problem is that it is missing; empty otherwise.
	missing string
}

// Problems are all errors of the file, in the order of its lines.
type Problems []Problem

// Error returns all problems on one line.
func (p Problems) Error() string {
	texts := make([]string, len(p))
	for i, one := range p {
		texts[i] = one.Text
		if one.Line > 0 {
			texts[i] = fmt.Sprintf("line %d: %s", one.Line, one.Text)
		}
	}
	return strings.Join(texts, "; ")
}
