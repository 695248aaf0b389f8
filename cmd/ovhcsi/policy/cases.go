// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"ovhcloud-csi-provider/provider/config"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/nearest"
	"ovhcloud-csi-provider/provider/rules"
	"ovhcloud-csi-provider/provider/strictmap"
	"ovhcloud-csi-provider/provider/yamlnode"
)

// testCase is an expectation: whether a pod may read paths.
type testCase struct {
	line                           int
	connection, namespace, account string
	paths                          []string
	allowed                        bool
}

// Mistake is an expectation that does not hold, or that cannot be read.
type Mistake struct {
	Line int // from 1
	Text string
}

// Test checks the expectations of a text. It returns how many there are, and those that do not hold.
// The error is why the text is no YAML.
func (c Connections) Test(text string) (count int, wrong []Mistake, err error) {
	cases, wrong, err := readCases(text)
	if err != nil || len(wrong) > 0 {
		return len(cases), wrong, err
	}
	for _, one := range cases {
		connection, known := c[one.connection]
		if !known {
			names := slices.Sorted(maps.Keys(c))
			wrong = append(wrong,
				Mistake{one.line,
					fmt.Sprintf("there is no connection %s; %s", message.Quote(one.connection),
						nearest.Suggestion(one.connection, names))})
			continue
		}
		for _, path := range one.paths {
			by := allowedBy(connection, one, path)
			switch {
			case by == "" && one.allowed:
				wrong = append(wrong,
					Mistake{one.line,
						fmt.Sprintf("%s may not read %s: no rule of connection %s allows it", one.caller(), message.Quote(path),
							one.connection)})
			case by != "" && !one.allowed:
				wrong = append(wrong,
					Mistake{one.line,
						fmt.Sprintf("%s may read %s: %s of connection %s allows it", one.caller(), message.Quote(path), by,
							one.connection)})
			}
		}
	}
	return len(cases), wrong, nil
}

// allowedBy returns the first rule that allows a path of a case, "" if there is none.
func allowedBy(connection config.Connection, one testCase, path string) string {
	for i, rule := range connection.Rules {
		if rules.For([]rules.Rule{rule}, one.namespace, one.account).Any() && allows(rule, path) {
			return fmt.Sprintf("allow[%d]", i)
		}
	}
	return ""
}

func (one testCase) caller() string {
	return fmt.Sprintf("service account %s of namespace %s", message.Quote(one.account), message.Quote(one.namespace))
}

// caseReader reads cases, and collects what is wrong with them.
type caseReader struct{ wrong []Mistake }

func (r *caseReader) add(n *yamlnode.Node, where, what string) {
	r.wrong = append(r.wrong, Mistake{n.Line, strings.TrimPrefix(where+": "+what, ": ")})
}

// readCases reads the list of cases.
func readCases(text string) ([]testCase, []Mistake, error) {
	root, err := yamlnode.Document(text)
	if err != nil {
		return nil, nil, err
	}
	r := &caseReader{}
	list := r.fields(root, "", "cases")["cases"]
	switch {
	case len(r.wrong) > 0:
	case list == nil || !yamlnode.IsList(list) || len(list.Content) == 0:
		r.add(root, "cases", "is missing or no list; write cases: [{namespace: shop, path: prod/shop/db, allowed: true}]")
	}
	if len(r.wrong) > 0 {
		return nil, r.wrong, nil
	}
	var all []testCase
	for i, n := range list.Content {
		all = append(all, r.one(n, fmt.Sprintf("cases[%d]", i)))
	}
	return all, r.wrong, nil
}

// fields returns the values of a map by name.
func (r *caseReader) fields(n *yamlnode.Node, where string, valid ...string) map[string]*yamlnode.Node {
	all := map[string]*yamlnode.Node{}
	if !yamlnode.IsMap(n) {
		r.add(n, where, "is "+yamlnode.Describe(n)+", not a map")
		return all
	}
	strictmap.Map{
		Unknown: func(key *yamlnode.Node) string {
			if slices.Contains(valid, key.Value) {
				return ""
			}
			return "unknown field; " + nearest.Suggestion(key.Value, valid)
		},
		Wrong: func(key *yamlnode.Node, name, what string) { r.add(key, strings.Trim(where+"."+name, "."), what) },
	}.Each(n, func(key, value *yamlnode.Node) { all[key.Value] = value })
	return all
}

// one reads a case.
func (r *caseReader) one(n *yamlnode.Node, where string) testCase {
	before := len(r.wrong)
	fields := r.fields(n, where, "connection", "namespace", "serviceAccount", "path", "paths", "allowed")
	c := testCase{line: n.Line, connection: "default", account: "default"}
	for name, to := range map[string]*string{"connection": &c.connection, "namespace": &c.namespace,
		"serviceAccount": &c.account} {
		if value := fields[name]; value != nil {
			text, err := yamlnode.Scalar(value)
			if err != nil {
				r.add(value, where+"."+name, err.Error())
			}
			*to = text
		}
	}
	if len(r.wrong) == before {
		r.paths(&c, fields, n, where)
	}
	switch value := fields["allowed"]; {
	case len(r.wrong) > before:
	case c.namespace == "":
		r.add(n, where+".namespace", "is missing")
	case value == nil || value.Value != "true" && value.Value != "false":
		r.add(n, where+".allowed", "is missing, or neither true nor false")
	default:
		c.allowed = value.Value == "true"
	}
	return c
}

// paths reads the path or the paths of a case.
func (r *caseReader) paths(c *testCase, fields map[string]*yamlnode.Node, n *yamlnode.Node, where string) {
	one, several := fields["path"], fields["paths"]
	nodes := []*yamlnode.Node{one}
	switch {
	case one != nil && several != nil:
		r.add(n, where+".path", "cannot be combined with paths; drop one of them")
		return
	case several != nil && (!yamlnode.IsList(several) || len(several.Content) == 0):
		r.add(several, where+".paths", "is "+yamlnode.Describe(several)+", not a list of paths")
		return
	case several != nil:
		nodes = several.Content
	case one == nil:
		r.add(n, where+".path", "is missing")
		return
	}
	for _, value := range nodes {
		path, err := yamlnode.Scalar(value)
		if err == nil {
			if err = checkPath(path); err != nil {
				err = errors.New(message.Quote(path) + " " + err.Error())
			}
		}
		if err != nil {
			r.add(value, where+".path", err.Error())
		}
		c.paths = append(c.paths, path)
	}
}
