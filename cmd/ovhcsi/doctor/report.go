// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"ovhcloud-csi-provider/cmd/ovhcsi/cluster"
	"ovhcloud-csi-provider/cmd/ovhcsi/lint"
)

// OK is the severity of a check that found nothing.
const OK lint.Severity = "ok"

// Result is the outcome of a check.
type Result struct {
	Category string        `json:"category"`
	ID       string        `json:"id,omitempty"` // "" if Severity is OK
	Severity lint.Severity `json:"severity"`
	Object   string        `json:"object,omitempty"` // such as Pod shop/web; "" if it is about the cluster
	Message  string        `json:"message"`
	Fix      string        `json:"fix,omitempty"`  // what to do
	Page     string        `json:"page,omitempty"` // where it is explained
}

// Report is the outcome of all checks, category by category.
type Report struct{ Results []Result }

// Failed reports whether there is an error or a warning.
func (r *Report) Failed() bool {
	return slices.ContainsFunc(r.Results, func(one Result) bool {
		return one.Severity == lint.Error || one.Severity == lint.Warning
	})
}

// Findings returns the results that are not OK.
func (r *Report) Findings() []Result {
	return slices.DeleteFunc(slices.Clone(r.Results), func(one Result) bool { return one.Severity == OK })
}

// find adds a finding about an object.
func (r *Report) find(rule Rule, object, fix, format string, args ...any) {
	r.findIn(rule.Category, rule, object, fix, format, args...)
}

// findIn adds a finding in another category than that of its rule.
func (r *Report) findIn(category string, rule Rule, object, fix, format string, args ...any) {
	r.add(Result{category, rule.ID, rule.Severity, object, fmt.Sprintf(format, args...), fix,
		"docs/doctor.md#" + strings.ToLower(rule.ID)})
}

// add adds a result.
func (r *Report) add(one Result) {
	one.Object, one.Message, one.Fix = printable(one.Object), printable(one.Message), printable(one.Fix)
	r.Results = append(r.Results, one)
}

// pass adds a check that found nothing.
func (r *Report) pass(category, format string, args ...any) {
	r.add(Result{Category: category, Severity: OK, Message: fmt.Sprintf(format, args...)})
}

// printable returns a text on one line, without characters that control a terminal.
func printable(text string) string {
	return strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return '?'
		}
		return c
	}, text)
}

// unread adds why a kind of objects was not read, if err says so; once in a category. It reports
// whether err does. An object that does not exist was read.
func (r *Report) unread(category, kind string, err error) bool {
	if err == nil || errors.Is(err, cluster.ErrAbsent) {
		return false
	}
	rule, text := notRead, fmt.Sprintf("%s could not be read: %v", kind, err)
	fix := "Run it again"
	if errors.Is(err, cluster.ErrForbidden) {
		rule, text = notPermitted, fmt.Sprintf("not checked: you may not read %s", kind)
		fix = "Ask for the permissions in docs/doctor.md"
	}
	known := func(one Result) bool { return one.Category == category && one.Message == printable(text) }
	if !slices.ContainsFunc(r.Results, known) {
		r.findIn(category, rule, "", fix, "%s", text)
	}
	return true
}
