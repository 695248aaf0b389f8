package provider

import (
	"fmt"
	"slices"
	"strings"

	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/okms"
)

// Kind tells apart why a mount failed, as far as somebody must act differently.
type Kind string

// The kinds of failure of a mount. Those of the store are package okms's.
const (
	Invalid         Kind = "invalid"          // the SecretProviderClass must change
	NoCredential    Kind = "no_credential"    // none came with the mount, or it cannot be used
	EndpointRefused Kind = "endpoint_refused" // a credential may not go there
	NotAllowed      Kind = "not_allowed"      // no such connection, or not for this pod, or not this path
	KeyAbsent       Kind = "key_absent"       // the secret has no such key
	Unusable        Kind = "unusable"         // the secret holds what cannot be written as asked
	TooLarge        Kind = "too_large"        // the files exceed what the driver accepts
	Broken          Kind = "broken"           // a fault of this program

	SecretAbsent    = Kind(okms.SecretAbsent)
	VersionAbsent   = Kind(okms.VersionAbsent)
	Deactivated     = Kind(okms.Deactivated)
	Deleted         = Kind(okms.Deleted)
	Unauthenticated = Kind(okms.Unauthenticated)
	Denied          = Kind(okms.Denied)
	DomainUnknown   = Kind(okms.DomainUnknown)
	Rejected        = Kind(okms.Rejected)
	Limited         = Kind(okms.Limited)
	Failing         = Kind(okms.Failing)
	Unreachable     = Kind(okms.Unreachable)
	TimedOut        = Kind(okms.TimedOut)
	Untrusted       = Kind(okms.Untrusted)
	Unreadable      = Kind(okms.Unreadable)
	NodeFull        = Kind(okms.NodeFull)
	ClientRefused   = Kind(okms.ClientRefused)
	TokenFailing    = Kind(okms.TokenFailing)
)

// Kinds is every Kind, gravest first: what only a change by a person can mend
// stands before what may mend itself. A mount that failed for several reasons is
// of the kind that stands first.
func Kinds() []Kind {
	return []Kind{Broken, Invalid, EndpointRefused, NotAllowed, TooLarge, NoCredential, ClientRefused, Unauthenticated, Denied, DomainUnknown,
		SecretAbsent, VersionAbsent, KeyAbsent, Deactivated, Deleted, Unusable, Rejected, Untrusted, Unreadable,
		NodeFull, TokenFailing, Limited, Failing, Unreachable, TimedOut}
}

// WholeClass stands for the number of an object in failures that are not about
// one.
const WholeClass = -1

// ofTheStore are the kinds that are about the store or the credential, not about
// one secret: objects that fail so share a line.
var ofTheStore = []Kind{Unauthenticated, DomainUnknown, Limited, Failing, Unreachable, TimedOut, Untrusted, ClientRefused, TokenFailing, NodeFull}

// Failure is one reason why a mount failed.
type Failure struct {
	Kind Kind
	// Object is the number of the object, or WholeClass.
	Object int
	// Where is the parameter or the object: `objects[2].secretPath`.
	Where string
	// What is wrong there, Facts is what the store said of it (may be empty), and
	// Advice what to do (may be empty).
	What, Facts, Advice string
	// Hidden is what the log may tell and the user may not: whether a connection
	// exists that the user may not use, or why one's fallback was not asked. Empty
	// for nothing.
	Hidden string
	// missing is whether a field is not there at all.
	missing bool
}

func (f Failure) text() string {
	text := f.What
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

// Kind is the gravest of the failures' kinds.
func (e *Error) Kind() Kind {
	for _, kind := range Kinds() {
		if slices.ContainsFunc(e.Failures, func(f Failure) bool { return f.Kind == kind }) {
			return kind
		}
	}
	return Broken
}

// Hidden is what the log may tell beside the error.
func (e *Error) Hidden() string {
	var all []string
	for _, f := range e.Failures {
		if f.Hidden != "" && !slices.Contains(all, f.Hidden) {
			all = append(all, f.Hidden)
		}
	}
	return message.Bound(strings.Join(all, "; "), mostText/4)
}

// mostText bounds a message in bytes. The event that carries it is an object of
// Kubernetes; gRPC carries it in a header.
const mostText = 16 << 10

// Error is what a user reads in the events of the pod: one line if there is one
// reason, else a line for each. Objects that failed alike share a line.
func (e *Error) Error() string {
	head, lines := e.head(), e.lines()
	if len(lines) == 1 {
		return head + message.Bound(lines[0], mostText)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s%d errors:", head, len(lines))
	for i, line := range lines {
		if text.Len()+len(line) > mostText {
			fmt.Fprintf(&text, "\n- and %d more", len(lines)-i)
			break
		}
		text.WriteString("\n- " + line)
	}
	return text.String()
}

// head names the class, if it is known. Who calls as secrets-store-sync-controller does states only
// its namespace.
func (e *Error) head() string {
	if e.Class == "" {
		return ""
	}
	if namespace, unnamed := strings.CutSuffix(e.Class, "/"); unnamed {
		return fmt.Sprintf("SecretProviderClass in namespace %q: ", namespace)
	}
	return "SecretProviderClass " + e.Class + ": "
}

// mostNamed is how many objects that failed alike are named: the cause stands behind
// them, and events are cut.
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
		if g := byText[key]; g != nil && slices.Contains(ofTheStore, f.Kind) {
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
		lines[i] = strings.Join(g.where, ", ") + ": " + message.Bound(g.text(), mostText/4)
	}
	return lines
}
