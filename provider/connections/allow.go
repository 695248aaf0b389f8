package connections

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"

	"ovhcloud-csi-provider/provider/message"
)

// rule allows the pods of some namespaces and service accounts some paths.
// Rules only add to one another: what no rule allows is denied.
type rule struct {
	// namespaces and accounts are globs in which * stands for any characters.
	namespaces, accounts []string
	paths                []pathPattern
}

// pathPattern is the segments of a pattern: * within one stands for any
// characters of that segment, the segment ** for any number of segments.
type pathPattern []string

const anySegments = "**"

// Grant is what a connection allows to one namespace and service account.
type Grant struct {
	rules []rule
	// only, if there is one, must allow the same too.
	only *Grant
}

// grant collects the rules for a caller. A namespace that is not stated matches
// no rule; a service account that is not stated matches * alone, because the
// secrets-store-sync-controller may have none to state.
func grant(rules []rule, namespace, account string) Grant {
	var g Grant
	for _, r := range rules {
		if namespace != "" && matchesAny(r.namespaces, namespace) && matchesAny(r.accounts, account) {
			g.rules = append(g.rules, r)
		}
	}
	return g
}

// Any says whether anything at all is allowed.
func (g Grant) Any() bool { return len(g.rules) > 0 && (g.only == nil || g.only.Any()) }

// Allows says whether the secret at a path may be read. The path must have been
// checked to be one that OKMS takes: no empty, "." or ".." segments.
func (g Grant) Allows(secretPath string) bool {
	if g.only != nil && !g.only.Allows(secretPath) {
		return false
	}
	segments := strings.Split(secretPath, "/")
	for _, r := range g.rules {
		for _, p := range r.paths {
			if p.matches(segments) {
				return true
			}
		}
	}
	return false
}

// Paths are the patterns that the caller may read, for a message to the caller.
func (g Grant) Paths() []string {
	var all []string
	for _, r := range g.rules {
		for _, p := range r.paths {
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

// matches compares one segment. The characters that path.Match gives a meaning
// beside * cannot stand in a pattern.
func matches(glob, name string) bool {
	ok, err := path.Match(glob, name)
	return ok && err == nil
}

// matches backtracks to the last ** only, so that its time is bounded by the
// product of the lengths. A ** at the end stands for at least one segment:
// prod/** is what is below prod, and prod itself is not.
func (p pathPattern) matches(segments []string) bool {
	at, retry, from := 0, -1, 0
	for i := 0; i < len(segments); {
		switch {
		case at < len(p) && p[at] == anySegments:
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

// checkNamespace refuses what can match no namespace (Kubernetes: RFC 1123
// labels).
func checkNamespace(glob string) error {
	if !namespaceGlob.MatchString(glob) || len(strings.ReplaceAll(glob, "*", "")) > 63 {
		return fmt.Errorf("%s can match no namespace: their names are lower case letters, digits and -, at most 63; * stands for any of them", message.Quote(glob))
	}
	return nil
}

// checkAccount refuses what can match no service account (Kubernetes: RFC 1123
// subdomains).
func checkAccount(glob string) error {
	if !accountGlob.MatchString(glob) || len(strings.ReplaceAll(glob, "*", "")) > 253 {
		return fmt.Errorf("%s can match no service account: their names are lower case letters, digits, - and .; * stands for any of them", message.Quote(glob))
	}
	return nil
}

// parsePathPattern refuses what can match no path of a secret.
func parsePathPattern(text string) (pathPattern, error) {
	if !pathGlob.MatchString(text) {
		return nil, fmt.Errorf("%s can match no path: they hold only letters, digits and _ . : / = @ -; * stands for any within a segment, ** for any segments", message.Quote(text))
	}
	if len(text) > 255 {
		return nil, fmt.Errorf("is %d characters long; OKMS allows 255", len(text))
	}
	p := pathPattern(strings.Split(text, "/"))
	for i, segment := range p {
		switch {
		case segment == "":
			return nil, fmt.Errorf("%s must not begin or end with a slash, nor hold two in a row", message.Quote(text))
		case segment == "." || segment == "..":
			return nil, fmt.Errorf("%s must not hold the segment %q", message.Quote(text), segment)
		case strings.Contains(segment, anySegments) && segment != anySegments:
			return nil, fmt.Errorf("%s: ** must be a segment of its own, as in prod/**", message.Quote(text))
		case segment == anySegments && i > 0 && p[i-1] == anySegments:
			return nil, errors.New("** is there twice in a row; write it once")
		}
	}
	return p, nil
}
