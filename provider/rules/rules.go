// Package rules says which pods may read which secrets: rules of namespaces, service
// accounts and paths, and what they grant to one caller.
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

// Rule allows some paths to the pods of some namespaces and service accounts. Rules only
// add to each other: what no rule allows is denied.
type Rule struct {
	// namespaces and accounts are globs in which * stands for any characters.
	Namespaces, Accounts []string
	Paths                []Pattern
}

// Pattern is the segments of a path pattern. * in a segment stands for any characters of
// that segment, the segment ** for any number of segments.
type Pattern []string

// AnySegments is the segment that stands for any number of segments.
const AnySegments = "**"

// Grant is what rules allow to one namespace and service account.
type Grant struct {
	rules []Rule
	// only, if there is one, must allow the same too.
	only *Grant
}

// For returns the grant of a caller. An empty namespace matches no rule. An empty service
// account only matches *, because secrets-store-sync-controller may have none.
func For(rules []Rule, namespace, account string) Grant {
	var g Grant
	for _, r := range rules {
		if namespace != "" && matchesAny(r.Namespaces, namespace) && matchesAny(r.Accounts, account) {
			g.rules = append(g.rules, r)
		}
	}
	return g
}

// And returns what both grants allow.
func (g Grant) And(other Grant) Grant {
	g.only = &other
	return g
}

// Any reports whether anything is allowed.
func (g Grant) Any() bool { return len(g.rules) > 0 && (g.only == nil || g.only.Any()) }

// Allows reports whether the secret at a path may be read. The path must be valid for OKMS:
// no empty, "." or ".." segments.
func (g Grant) Allows(secretPath string) bool {
	if g.only != nil && !g.only.Allows(secretPath) {
		return false
	}
	return slices.ContainsFunc(g.rules, func(r Rule) bool { return r.Allows(secretPath) })
}

// Allows reports whether the rule allows the secret at a path, to those whom the rule is
// for.
func (r Rule) Allows(secretPath string) bool {
	segments := strings.Split(secretPath, "/")
	return slices.ContainsFunc(r.Paths, func(p Pattern) bool { return p.matches(segments) })
}

// Paths returns the patterns that the caller may read, for a message to the caller.
func (g Grant) Paths() []string {
	var all []string
	for _, r := range g.rules {
		for _, p := range r.Paths {
			all = append(all, strings.Join(p, "/"))
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

// matches compares one segment. Patterns have none of the other characters that path.Match
// gives a meaning.
func matches(glob, name string) bool {
	ok, err := path.Match(glob, name)
	return ok && err == nil
}

// matches backtracks only to the last **, so that its time is limited by the product of the
// lengths. A ** at the end stands for at least one segment: prod/** is everything below
// prod, but not prod.
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

// CheckNamespace returns an error for a glob that can match no namespace (Kubernetes: RFC
// 1123 labels).
func CheckNamespace(glob string) error {
	if !namespaceGlob.MatchString(glob) || len(strings.ReplaceAll(glob, "*", "")) > 63 {
		return fmt.Errorf("%s can match no namespace: their names are lower case letters, digits and -, at most 63; * stands for any of them", message.Quote(glob))
	}
	return nil
}

// CheckAccount returns an error for a glob that can match no service account (Kubernetes:
// RFC 1123 subdomains).
func CheckAccount(glob string) error {
	if !accountGlob.MatchString(glob) || len(strings.ReplaceAll(glob, "*", "")) > 253 {
		return fmt.Errorf("%s can match no service account: their names are lower case letters, digits, - and .; * stands for any of them", message.Quote(glob))
	}
	return nil
}

// ParsePattern refuses what can match no path of a secret.
func ParsePattern(text string) (Pattern, error) {
	if !pathGlob.MatchString(text) {
		return nil, fmt.Errorf("%s can match no path: they hold only letters, digits and _ . : / = @ -; * stands for any within a segment, ** for any segments", message.Quote(text))
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
			return nil, errors.New("** is there twice in a row; write it once")
		}
	}
	return p, nil
}
