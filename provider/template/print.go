// SPDX-License-Identifier: Apache-2.0

package template

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// printed returns print or println. As in Go, print puts a space between two values if neither is a
// text, and println always.
func printed(always bool, end string) func(r *run, values ...any) (string, error) {
	return func(r *run, values ...any) (string, error) {
		all, size, err := r.texts(values...)
		if err == nil {
			err = r.makes(size + len(values) + 1)
		}
		if err != nil {
			return "", err
		}
		var out strings.Builder
		for i, text := range all {
			if i > 0 && (always || !isText(values[i-1]) && !isText(values[i])) {
				out.WriteByte(' ')
			}
			out.WriteString(text)
		}
		return out.String() + end, nil
	}
}

func isText(v any) bool {
	_, is := v.(string)
	return is
}

// printf takes the verbs s, q, v, d and %% with widths up to 1,000; d is for whole numbers.
func (r *run) printf(format any, values ...any) (string, error) {
	layout, _, err := r.texts(format)
	if err != nil {
		return "", err
	}
	if len(layout[0]) > maxLayout {
		return "", problemf("the layout of printf has more than %d bytes", maxLayout)
	}
	all, size, err := r.texts(values...)
	if err != nil {
		return "", err
	}
	args, used := make([]any, len(all)), 0
	for _, m := range verb.FindAllStringSubmatch(layout[0], -1) {
		width, _ := strconv.Atoi(m[2])
		switch {
		case m[4] == "%" && m[0] == "%%":
			continue
		case !strings.Contains("sqvd", m[4]) || m[4] == "" || len(m[2]) > 4 || width > 1000 || m[3] != "":
			return "", problem("a verb of printf is none of %s, %q, %v, %d, or has a precision, or a width of more than 1000")
		case used < len(all):
			if args[used], err = argument(m[4], all[used], values[used]); err != nil {
				return "", err
			}
		}
		used++
	}
	if used != len(all) {
		return "", problemf("printf has %d verbs and %d values", used, len(all))
	}
	if err := r.makes(len(layout[0]) + 10*size + 1000*used); err != nil {
		return "", err
	}
	return fmt.Sprintf(layout[0], args...), nil
}

// verb matches a verb of printf, or a percent sign that is none.
var verb = regexp.MustCompile(`%([-+# 0]*)([0-9]*)(\.[0-9]*)?(.?)`)

// argument returns what a verb prints of a value.
func argument(verb, text string, v any) (any, error) {
	if verb != "d" {
		return text, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if _, is := v.(string); is || err != nil {
		return nil, problem("the value for %d of printf is no whole number of 64 bits")
	}
	return n, nil
}
