// SPDX-License-Identifier: Apache-2.0

// Package rules decides which pods may read which secrets. A rule has namespaces, service
// accounts and paths; a grant is what the rules allow to one caller.
package rules

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"ovhcloud-csi-provider/provider/message"
)

// Rule allows the pods of some namespaces and service accounts to read some paths. There are no
// rules that deny: everything that no rule allows is denied.
type Rule struct {
	// Namespaces and Accounts are globs: * matches any characters, also none.
	Namespaces, Accounts []string
	// Paths are the paths of secrets.
	Paths []Pattern
}

// Pattern is a pattern of paths, split into segments. * matches any characters within a
// segment. The segment ** matches any number of segments, and at least one at the end.
type Pattern []string

// String returns the pattern as it is written.
func (p Pattern) String() string { return strings.Join(p, "/") }

// AnySegments is the segment that matches any number of segments.
const AnySegments = "**"

// Grant is what rules allow to one namespace and service account. The zero value allows nothing.
type Grant struct {
	rules []Rule
	// only is a second grant that must allow a path too; nil if there is none.
	only *Grant
}

// For returns the grant of a caller. An empty namespace matches no rule. An empty service
// account matches globs like * only: the secrets-store-sync-controller may not know one.
func For(rules []Rule, namespace, account string) Grant {
	var g Grant
	for _, r := range rules {
		if namespace != "" && matchesAny(r.Namespaces, namespace) && matchesAny(r.Accounts, account) {
			g.rules = append(g.rules, r)
		}
	}
	return g
}

// And returns a grant of what both grants allow.
func (g Grant) And(other Grant) Grant {
	g.only = &other
	return g
}

// Any reports whether at least one rule matches the caller.
func (g Grant) Any() bool { return len(g.rules) > 0 && (g.only == nil || g.only.Any()) }

// Allows reports whether the caller may read the secret at a path. The caller of Allows has
// checked the path: OKMS accepts no empty, "." or ".." segments.
func (g Grant) Allows(secretPath string) bool {
	if g.only != nil && !g.only.Allows(secretPath) {
		return false
	}
	return slices.ContainsFunc(g.rules, func(r Rule) bool { return r.Allows(secretPath) })
}

// AllowsBelow reports whether the caller may read every secret below a folder, "" being the root.
// One pattern alone must allow it: false means "not sure".
func (g Grant) AllowsBelow(folder string) bool {
	if g.only != nil && !g.only.AllowsBelow(folder) {
		return false
	}
	return slices.ContainsFunc(g.rules, func(r Rule) bool { return r.AllowsBelow(folder) })
}

// AllowsBelow reports whether one of the rule's patterns matches every path below a folder, "" being
// the root. It does not check the caller.
func (r Rule) AllowsBelow(folder string) bool {
	var segments []string
	if folder != "" {
		segments = strings.Split(folder, "/")
	}
	return slices.ContainsFunc(r.Paths, func(p Pattern) bool { return p.matchesBelow(segments) })
}

// matchesBelow reports whether the pattern ends in ** and what is before that matches the folder,
// or one above it.
func (p Pattern) matchesBelow(folder []string) bool {
	above := len(p) - 1
	if p[above] != AnySegments {
		return false
	}
	for n := range len(folder) + 1 {
		if above == 0 || p[:above].matches(folder[:n]) {
			return true
		}
	}
	return false
}

// Allows reports whether one of the rule's patterns matches the path. It does not check the
// caller.
func (r Rule) Allows(secretPath string) bool {
	segments := strings.Split(secretPath, "/")
	return slices.ContainsFunc(r.Paths, func(p Pattern) bool { return p.matches(segments) })
}

// Paths returns the patterns of all rules of the grant, for a message to the caller.
func (g Grant) Paths() []string {
	var all []string
	for _, r := range g.rules {
		for _, p := range r.Paths {
			all = append(all, p.String())
		}
	}
	return all
}

func matchesAny(globs []string, name string) bool {
	for _, g := range globs {
		if matches(g, name) {
			return true
		}
	}
	return false
}

// matches reports whether a glob matches one segment. Of the special characters of path.Match
// only * is valid in a pattern.
func matches(glob, name string) bool {
	ok, err := path.Match(glob, name)
	return ok && err == nil
}

// matches reports whether the pattern matches all segments of a path. It backtracks to the last
// ** only, so its time is bounded by the product of the lengths. A ** at the end matches at
// least one segment: prod/** matches everything below prod, but not prod itself.
func (p Pattern) matches(segments []string) bool {
	at, retry, from := 0, -1, 0
	for i := 0; i < len(segments); {
		switch {
		case at < len(p) && p[at] == AnySegments:
			if at == len(p)-1 {
				return true
			}
			retry, from = at, i
			at++
		case at < len(p) && matches(p[at], segments[i]):
			at++
			i++
		case retry >= 0:
			from++
			at, i = retry+1, from
		default:
			return false
		}
	}
	return at == len(p)
}

var (
	namespaceGlob = regexp.MustCompile(`^[a-z0-9*]([a-z0-9*-]*[a-z0-9*])?$`)
	accountGlob   = regexp.MustCompile(`^[a-z0-9*]([a-z0-9*-]*[a-z0-9*])?(\.[a-z0-9*]([a-z0-9*-]*[a-z0-9*])?)*$`)
	pathGlob      = regexp.MustCompile(`^[a-zA-Z0-9_.:/=@*-]+$`)
)

// CheckNamespace returns an error for a glob that can match no namespace (Kubernetes: RFC 1123
// labels).
func CheckNamespace(glob string) error {
	if !namespaceGlob.MatchString(glob) || len(strings.ReplaceAll(glob, "*", "")) > 63 {
		return fmt.Errorf("%s can match no namespace; use at most 63 lower case letters, digits and -, and * for any "+
			"characters", message.Quote(glob))
	}
	return nil
}

// CheckAccount returns an error for a glob that can match no service account (Kubernetes: RFC
// 1123 subdomains).
func CheckAccount(glob string) error {
	if !accountGlob.MatchString(glob) || len(strings.ReplaceAll(glob, "*", "")) > 253 {
		return fmt.Errorf("%s can match no service account; use lower case letters, digits, - and ., and * for any "+
			"characters", message.Quote(glob))
	}
	return nil
}

// ParsePattern returns the segments of a pattern. It returns an error for one that can match no
// path of a secret, by the rules of OKMS.
func ParsePattern(text string) (Pattern, error) {
	if !pathGlob.MatchString(text) {
		return nil, fmt.Errorf("%s can match no path; use letters, digits and _ . : / = @ -, "+
			"* for any characters of a segment, ** for any segments", message.Quote(text))
	}
	if len(text) > 255 {
		return nil, fmt.Errorf("is %d characters long; OKMS allows 255", len(text))
	}
	p := Pattern(strings.Split(text, "/"))
	for i, segment := range p {
		switch {
		case segment == "":
			return nil, fmt.Errorf("%s must not begin or end with a slash, nor hold two in a row", message.Quote(text))
		case segment == "." || segment == "..":
			return nil, fmt.Errorf("%s must not hold the segment %q", message.Quote(text), segment)
		case strings.Contains(segment, AnySegments) && segment != AnySegments:
			return nil, fmt.Errorf("%s: ** must be a segment of its own, as in prod/**", message.Quote(text))
		case segment == AnySegments && i > 0 && p[i-1] == AnySegments:
			return nil, errors.New("has ** twice in a row; write it once")
		}
	}
	return p, nil
}
