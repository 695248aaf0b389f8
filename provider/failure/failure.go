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
	// Line is the line of the parameter objects that the failure is in, 0 if it is in none.
	Line int
	// Where is the parameter or the object: `objects[2].secretPath`.
	Where string
	// What is wrong, Facts is what the store said about it, and Advice is what to do. Facts
	// and Advice may be empty.
	What, Facts, Advice string
	// Hidden is what the log may show and the user may not: whether a connection exists
	// that the user may not use, or why its fallback was not asked. It may be empty.
	Hidden string
	// missing says that a field is not given at all.
	missing bool
}

// Text returns what is wrong, what the store said about it, and what to do.
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

// Error is a failed mount: every reason, in the order of the objects.
type Error struct {
	// Class names the SecretProviderClass, as namespace/name.
	Class    string
	Failures []Failure
}

// Kind returns the gravest of the failures' kinds, and Broken if there are none.
func (e *Error) Kind() Kind {
	for _, kind := range Kinds() {
		if slices.ContainsFunc(e.Failures, func(f Failure) bool { return f.Kind == kind }) {
			return kind
		}
	}
	return Broken
}

// Hidden returns what the log may show in addition to the error.
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

// Error returns what a user reads in the events of the pod: one line if there is one
// reason, else a line for each. Objects that failed for the same reason share a line.
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

// head names the class, if it is known. A caller like secrets-store-sync-controller gives
// only its namespace.
func (e *Error) head() string {
	if e.Class == "" {
		return ""
	}
	if namespace, unnamed := strings.CutSuffix(e.Class, "/"); unnamed {
		return fmt.Sprintf("SecretProviderClass in namespace %q: ", namespace)
	}
	return "SecretProviderClass " + e.Class + ": "
}

// mostNamed is how many objects that failed for the same reason are named. The reason comes
// after them, and events are cut.
const mostNamed = 3

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
