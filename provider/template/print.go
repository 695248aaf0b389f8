package template

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// printed returns print or println.
func printed(between, end string) func(r *run, values ...any) (string, error) {
	return func(r *run, values ...any) (string, error) {
		all, size, err := r.texts(values...)
		if err == nil {
			err = r.makes(size + len(values) + 1)
		}
		return strings.Join(all, between) + end, err
	}
}

// printf takes the verbs s, q, v, d and %% with widths up to 1,000. Every value is a text.
func (r *run) printf(format any, values ...any) (string, error) {
	layout, _, err := r.texts(format)
	if err != nil {
		return "", err
	}
	all, size, err := r.texts(values...)
	if err != nil {
		return "", err
	}
	verbs := verb.FindAllStringSubmatch(layout[0], -1)
	used := 0
	for _, m := range verbs {
		width, _ := strconv.Atoi(m[2])
		switch {
		case m[4] == "%":
			continue
		case !strings.Contains("sqvd", m[4]) || m[4] == "" || len(m[2]) > 4 || width > 1000 || m[3] != "":
			return "", problem("a verb of printf is none of %s, %q, %v, %d, or has a precision, or a width of more than 1000")
		}
		used++
	}
	if used != len(all) {
		return "", problemf("printf has %d verbs and %d values", used, len(all))
	}
	if err := r.makes(len(layout[0]) + 10*size + 1000*used); err != nil {
		return "", err
	}
	return sprintf(layout[0], all), nil
}

// verb matches a verb of printf, or a percent sign that is none.
var verb = regexp.MustCompile(`%([-+# 0]*)([0-9]*)(\.[0-9]*)?(.?)`)

// sprintf is fmt.Sprintf for texts only: %d of a number is its text.
func sprintf(layout string, texts []string) string {
	layout = verb.ReplaceAllStringFunc(layout, func(one string) string {
		if one[len(one)-1] == 'd' || one[len(one)-1] == 'v' {
			return one[:len(one)-1] + "s"
		}
		return one
	})
	values := make([]any, len(texts))
	for i, text := range texts {
		values[i] = text
	}
	return fmt.Sprintf(layout, values...)
}
