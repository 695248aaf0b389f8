// SPDX-License-Identifier: Apache-2.0

package simulation

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
)

// Story returns what happened in a history, in the order of time: events, mounts with their
// answers, requests to stores, and the rules that were broken.
func Story(h History, o Outcome) string {
	type line struct {
		at   time.Duration
		text string
	}
	var lines []line
	for _, e := range h.Events {
		lines = append(lines, line{e.At, "* " + e.Verb + " " + strings.Join(e.Args, " ")})
	}
	for _, x := range o.Mounts {
		lines = append(lines,
			line{x.Start,
				fmt.Sprintf("mount %d of pod %s/%s begins (class %s, %s)", x.N, x.Pod.namespace, x.Pod.name, x.Pod.class, x.Cred)})
		lines = append(lines, line{x.End, fmt.Sprintf("mount %d of pod %s/%s after %s: %s", x.N, x.Pod.namespace, x.Pod.name,
			(x.End - x.Start).Round(time.Millisecond), x.answer())})
	}
	for _, q := range o.Requests {
		lines = append(lines,
			line{q.Arrived, fmt.Sprintf("  %s gets a %s of %s with %s from daemon %d", q.Store, q.Op, q.Ref, q.Cred, q.Daemon)})
		lines = append(lines,
			line{q.Ended, fmt.Sprintf("  %s ends the %s of %s with %s: %s", q.Store, q.Op, q.Ref, q.Cred, q.answer())})
	}
	for _, v := range o.Violations {
		lines = append(lines, line{v.At, "!!! " + v.Rule + ": " + v.Text})
	}
	slices.SortStableFunc(lines, func(a, b line) int { return cmp.Compare(a.at, b.at) })
	var b strings.Builder
	for _, l := range lines {
		fmt.Fprintf(&b, "%12s  %s\n", l.at.Round(time.Millisecond), l.text)
	}
	return b.String()
}

func (x *Mount) answer() string {
	if x.Code != codes.OK {
		return fmt.Sprintf("%s, %s", x.Code, x.Message)
	}
	var files []string
	for name, f := range x.Files {
		files = append(files, fmt.Sprintf("%s=%q(%s)", name, f.Text, x.Versions[name]))
	}
	slices.Sort(files)
	return strings.Join(files, " ")
}

func (q *Request) answer() string {
	text := fmt.Sprint(q.Status)
	if q.Data != nil {
		text += fmt.Sprintf(" version %d %s", q.Version, q.Data)
	}
	if q.Fault != "" {
		text += ", fault " + q.Fault
	}
	if !q.Answered {
		text += ", without a whole answer"
	}
	return text
}
