// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"slices"

	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/rules"
	"ovhcloud-csi-provider/provider/yamlnode"
)

// rules returns the rules of a list. A duplicate is a problem: it was probably copied and never
// changed.
func (r *reader) rules(n *yamlnode.Node, where string) []rules.Rule {
	var rules []rules.Rule
	if !yamlnode.IsList(n) {
		r.wrong(n, where, "is %s, not a list of rules", yamlnode.Describe(n))
		return nil
	}
	if len(n.Content) == 0 {
		r.wrong(n, where, "is an empty list; add at least one rule: without rules no pod may use the connection")
	}
	lines := map[string]int{}
	for i, item := range n.Content {
		at := fmt.Sprintf("%s[%d]", where, i)
		before := len(r.problems)
		one := r.rule(item, at)
		if len(r.problems) > before {
			continue
		}
		text := fmt.Sprint(one)
		if line := lines[text]; line != 0 {
			r.wrong(item, at, "is the same rule as in line %d; drop one of them", line)
		}
		lines[text] = item.Line
		rules = append(rules, one)
	}
	return rules
}

// rule returns the rule of a node. It is incomplete if it has problems.
func (r *reader) rule(n *yamlnode.Node, where string) rules.Rule {
	var one rules.Rule
	fields := r.fields(n, where, []string{"namespaces", "serviceAccounts", "paths"})
	if !yamlnode.IsMap(n) {
		return one
	}
	one.Namespaces = r.patterns(n, fields, where, "namespaces", "*", rules.CheckNamespace)
	one.Accounts = r.patterns(n, fields, where, "serviceAccounts", "*", rules.CheckAccount)
	r.patterns(n, fields, where, "paths", rules.AnySegments, func(text string) error {
		p, err := rules.ParsePattern(text)
		one.Paths = append(one.Paths, p)
		return err
	})
	return one
}

// patterns returns the patterns of a list. A missing or empty list is a problem: some people read
// it as "all", others as "none". every is the pattern that matches everything, for the cure.
func (r *reader) patterns(rule *yamlnode.Node, fields map[string]*yamlnode.Node, where, name, every string,
	check func(string) error) []string {
	n := fields[name]
	at := where + "." + name
	switch {
	case n == nil:
		r.field(rule, at, message.Missing(fmt.Sprintf("write [%q] to match all", every)))
		return nil
	case !yamlnode.IsList(n):
		r.wrong(n, at, "is %s, not a list", yamlnode.Describe(n))
		return nil
	case len(n.Content) == 0:
		r.wrong(n, at, "is an empty list, so the rule allows nothing; add an entry, or drop the rule")
		return nil
	}
	var all []string
	for i, item := range n.Content {
		text, err := yamlnode.Scalar(item)
		if err == nil {
			err = check(text)
		}
		switch {
		case err != nil:
			r.wrong(item, fmt.Sprintf("%s[%d]", at, i), "%s", err)
		case slices.Contains(all, text):
			r.wrong(item, fmt.Sprintf("%s[%d]", at, i), "%s is given twice; drop one of them", message.Quote(text))
		default:
			all = append(all, text)
		}
	}
	return all
}
