// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"ovhcloud-csi-provider/provider/yamlnode"
)

// member is a field of a map: its name and its value as YAML. The lines of a value after the first
// one are not indented.
type member struct{ name, text string }

// safe matches words that are written without quotes, in YAML and for a shell.
var safe = regexp.MustCompile(`^[A-Za-z0-9_./][A-Za-z0-9_./:@=-]*$`)

// scalar returns a text as a YAML value of one line, which is a text to Kubernetes too.
func scalar(text string) string {
	if safe.MatchString(text) && !strings.HasSuffix(text, ":") {
		all, err := yamlnode.Documents(text)
		if err == nil && len(all) == 1 && yamlnode.IsString(all[0]) && all[0].Value == text {
			return text
		}
	}
	return strconv.Quote(text)
}

// number returns a number as it is, and any other text as scalar does.
func number(text string) string {
	if _, err := strconv.ParseUint(text, 10, 32); err == nil {
		return text
	}
	return scalar(text)
}

// block returns a text as a YAML value: of several lines if it has several and these can be written
// so, otherwise in quotes.
func block(text string) string {
	body, ended := strings.CutSuffix(text, "\n")
	lines := strings.Split(body, "\n")
	if len(lines) < 2 && !ended || body == "" || strings.HasPrefix(body, " ") {
		return scalar(text)
	}
	for _, line := range lines {
		odd := strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) })
		if odd || line != strings.TrimRight(line, " ") || line == "" && (lines[0] == "" || lines[len(lines)-1] == "") {
			return strconv.Quote(text)
		}
	}
	if ended {
		return "|\n" + body
	}
	return "|-\n" + body
}

// writer writes YAML with indentation.
type writer struct{ strings.Builder }

// line writes a line.
func (w *writer) line(indent int, text string) {
	if text != "" {
		w.WriteString(strings.Repeat(" ", indent) + text)
	}
	w.WriteByte('\n')
}

// comments writes lines of a comment.
func (w *writer) comments(indent int, all []string) {
	for _, text := range all {
		w.line(indent, strings.TrimRight("# "+printable(text), " "))
	}
}

// member writes a field. Its further lines are indented by two more than the field.
func (w *writer) member(indent int, prefix string, m member) {
	first, rest, more := strings.Cut(m.text, "\n")
	w.line(indent, prefix+m.name+": "+first)
	if more {
		for _, line := range strings.Split(rest, "\n") {
			w.line(indent+len(prefix)+2, line)
		}
	}
}

// printable returns a text on one line for a comment.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
}

// shell quotes a word for a shell.
func shell(word string) string {
	if safe.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
