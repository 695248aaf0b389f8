// SPDX-License-Identifier: Apache-2.0

package failure

import (
	"fmt"
	"slices"
	"strings"

	"ovhcloud-csi-provider/provider/message"
)

// WholeClass is the number of an object in failures that are not about an object.
const WholeClass = -1

// Failure is one reason why a mount failed.
type Failure struct {
	Kind Kind
	// Object is the number of the object, or WholeClass.
	Object int
	// Line is the line of the failure in the parameter objects, from 1; 0 if it has none.
	Line int
	// Where is the parameter or the object: `objects[2].secretPath`.
	Where string
	// What describes the failure, Facts is the store's details of it, and Advice is the cure.
	// Facts and Advice may be empty.
	What, Facts, Advice string
	// Hidden is a text for the log that the user must not see: whether a connection exists
	// that the user may not use, or why its fallback was not used. It may be empty.
	Hidden string
	// missing reports that a required field is not given.
	missing bool
}

// Text returns What, the line, Facts and Advice as one text.
func (f Failure) Text() string {
	text := f.What
	if f.Line > 0 {
		text += fmt.Sprintf(" (line %d)", f.Line)
	}
	if f.Facts != "" {
		text += " (" + f.Facts + ")"
	}
	if f.Advice != "" {
		text += "; " + f.Advice
	}
	return text
}

// Error is the error of a failed mount. It lists every reason, in the order of the objects.
type Error struct {
	// Class names the SecretProviderClass, as namespace/name.
	Class    string
	Failures []Failure
}

// Kind returns the gravest kind of the failures; Broken if there are none.
func (e *Error) Kind() Kind {
	for _, row := range table {
		if slices.ContainsFunc(e.Failures, func(f Failure) bool { return f.Kind == row.kind }) {
			return row.kind
		}
	}
	return Broken
}

// Hidden returns the texts that the log may show in addition to the error; "" if there are none.
func (e *Error) Hidden() string {
	var all []string
	for _, f := range e.Failures {
		if f.Hidden != "" && !slices.Contains(all, f.Hidden) {
			all = append(all, f.Hidden)
		}
	}
	return message.Bound(strings.Join(all, "; "), MaxText/4)
}

// MaxText limits a message in bytes. The event that carries it is an object of Kubernetes;
// gRPC carries it in a header.
const MaxText = 16 << 10

// Error returns the text of the event of the pod: one line if there is one reason, and a line
// for each reason otherwise. Objects that failed for the same reason share a line.
func (e *Error) Error() string {
	head, lines := e.head(), e.lines()
	if len(lines) == 1 {
		return head + message.Bound(lines[0], MaxText)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s%d errors:", head, len(lines))
	for i, line := range lines {
		if text.Len()+len(line) > MaxText {
			fmt.Fprintf(&text, "\n- and %d more", len(lines)-i)
			break
		}
		text.WriteString("\n- " + line)
	}
	return text.String()
}

// head names the class; "" if it is unknown. Some callers, such as
// secrets-store-sync-controller, send only its namespace.
func (e *Error) head() string {
	if e.Class == "" {
		return ""
	}
	if namespace, unnamed := strings.CutSuffix(e.Class, "/"); unnamed {
		return fmt.Sprintf("SecretProviderClass in namespace %q: ", namespace)
	}
	return "SecretProviderClass " + e.Class + ": "
}

// mostNamed is how many of the objects that failed for the same reason are named. The reason
// comes after their names, so a long list of names could push it out of an event, which is cut.
const mostNamed = 3

// lines returns one line for each reason. Objects that failed for the same reason share a line
// if their kind is Shared.
func (e *Error) lines() []string {
	type group struct {
		Failure
		where []string
	}
	var groups []*group
	byText := map[[2]string]*group{}
	for _, f := range e.Failures {
		key := [2]string{f.What, f.Advice}
		if g := byText[key]; g != nil && f.Kind.Shared() {
			g.where = append(g.where, f.Where)
			continue
		}
		g := &group{Failure: f, where: []string{f.Where}}
		byText[key] = g
		groups = append(groups, g)
	}
	lines := make([]string, len(groups))
	for i, g := range groups {
		if more := len(g.where) - mostNamed; more > 1 {
			g.where = append(g.where[:mostNamed], fmt.Sprintf("and %d more", more))
		}
		lines[i] = strings.Join(g.where, ", ") + ": " + message.Bound(g.Text(), MaxText/4)
	}
	return lines
}
