// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"fmt"
	"slices"
	"strings"
)

// String returns the rule on one line, for people.
func (r Rule) String() string {
	return fmt.Sprintf("namespaces %s; service accounts %s; paths %s", strings.Join(r.Namespaces, ", "),
		strings.Join(r.Accounts, ", "), strings.Join(Grant{rules: []Rule{r}}.Paths(), ", "))
}

// CoveredBy reports whether the other rules are sure to allow everything that r allows. It
// checks each combination of namespace, service account and path of r by itself, so different
// rules may cover different combinations. False means "not sure".
func (r Rule) CoveredBy(others []Rule) bool {
	for _, namespace := range r.Namespaces {
		for _, account := range r.Accounts {
			for _, path := range r.Paths {
				coversPath := func(p Pattern) bool { return p.covers(path) }
				coversAll := func(o Rule) bool {
					return covers(o.Namespaces, namespace) && covers(o.Accounts, account) && slices.ContainsFunc(o.Paths, coversPath)
				}
				if !slices.ContainsFunc(others, coversAll) {
					return false
				}
			}
		}
	}
	return true
}

// covers reports whether one of the globs matches everything that glob matches. It knows three
// cases: the same glob, a name without *, and the glob * alone. False means "not sure".
func covers(globs []string, glob string) bool {
	return slices.Contains(globs, glob) || !strings.Contains(glob, "*") && matchesAny(globs, glob) ||
		slices.Contains(globs, "*")
}

// covers reports whether p matches every path that other matches, by the same three cases.
func (p Pattern) covers(other Pattern) bool {
	if slices.Equal(p, other) || slices.Equal(p, Pattern{AnySegments}) {
		return true
	}
	return !strings.Contains(strings.Join(other, "/"), "*") && p.matches(other)
}

// Example returns a path that the rule allows and that is unlikely to hold a secret.
func (r Rule) Example() string {
	const unlikely = "ovhcsi-connections-check"
	segments := slices.Clone(r.Paths[0])
	for i, segment := range segments {
		if segment == AnySegments {
			segments[i] = unlikely
		} else {
			segments[i] = strings.ReplaceAll(segment, "*", unlikely)
		}
	}
	return strings.Join(segments, "/")
}
