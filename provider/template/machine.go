// SPDX-License-Identifier: Apache-2.0

package template

import (
	"maps"
	"slices"
	"strings"
	"text/template/parse"

	"ovhcloud-csi-provider/provider/message"
)

// machine executes the trees of a template. It takes the place of text/template's own executor, which
// counts nothing, writes "<no value>" for what is missing and values into its errors, and looks up
// methods by name, for which the linker would keep three megabytes of methods in the daemon. What
// it executes means the same as there; a test compares.
type machine struct {
	*run
	trees map[string]*parse.Tree // by the names of the templates
	out   []byte
	vars  []variable // the innermost last
}

type variable struct {
	name  string
	value any
}

// flow is what ends a list of nodes early.
type flow int

const (
	onwards flow = iota
	breaks
	continues
)

// tree executes one of the templates.
func (m *machine) tree(name string, dot any) error {
	outer := m.vars
	m.vars = []variable{{"$", dot}}
	defer func() { m.vars = outer }()
	_, err := m.list(dot, m.trees[name].Root)
	return err
}

// list executes the nodes of a block, which costs a step however little they do.
func (m *machine) list(dot any, l *parse.ListNode) (flow, error) {
	if l == nil {
		return onwards, nil
	}
	if err := m.take(stepCost); err != nil {
		return onwards, m.at(l, err)
	}
	before := len(m.vars)
	defer func() { m.vars = m.vars[:before] }()
	for _, n := range l.Nodes {
		if err := m.take(nodeCost); err != nil {
			return onwards, m.at(n, err)
		}
		if end, err := m.node(dot, n); err != nil || end != onwards {
			return end, err
		}
	}
	return onwards, nil
}

// node executes one node of a block.
func (m *machine) node(dot any, n parse.Node) (flow, error) {
	switch n := n.(type) {
	case *parse.TextNode:
		return onwards, m.at(n, m.write(string(n.Text)))
	case *parse.ActionNode:
		v, err := m.pipe(dot, n.Pipe)
		if err != nil || len(n.Pipe.Decl) > 0 {
			return onwards, err
		}
		text, err := m.text(v)
		if err == nil {
			err = m.write(text)
		}
		return onwards, m.at(n.Pipe, err)
	case *parse.IfNode:
		return m.branch(dot, &n.BranchNode, false)
	case *parse.WithNode:
		return m.branch(dot, &n.BranchNode, true)
	case *parse.RangeNode:
		return m.loop(dot, n)
	case *parse.TemplateNode:
		var arg any
		if n.Pipe != nil {
			var err error
			if arg, err = m.pipe(dot, n.Pipe); err != nil {
				return onwards, err
			}
		}
		return onwards, m.tree(n.Name, arg)
	case *parse.BreakNode:
		return breaks, nil
	case *parse.ContinueNode:
		return continues, nil
	}
	return onwards, nil // comments
}

// write adds text to the file.
func (m *machine) write(text string) error {
	if m.left -= len(text); m.left < 0 {
		return errTooLong
	}
	m.out = append(m.out, text...)
	return m.take(len(text))
}

// branch executes an if, or a with, whose value is the dot of its block.
func (m *machine) branch(dot any, n *parse.BranchNode, with bool) (flow, error) {
	before := len(m.vars)
	defer func() { m.vars = m.vars[:before] }()
	v, err := m.pipe(dot, n.Pipe)
	switch {
	case err != nil:
		return onwards, err
	case isEmpty(v):
		return m.list(dot, n.ElseList)
	case with:
		dot = v
	}
	return m.list(dot, n.List)
}

// loop executes a range over a list, a map in the order of its keys, or a number of times.
func (m *machine) loop(dot any, n *parse.RangeNode) (flow, error) {
	before := len(m.vars)
	defer func() { m.vars = m.vars[:before] }()
	v, err := m.value(dot, n.Pipe)
	if err != nil {
		return onwards, err
	}
	count, at, err := m.each(v)
	if err != nil {
		return onwards, m.at(n.Pipe, err)
	}
	if count == 0 {
		return m.list(dot, n.ElseList)
	}
	for i := range count {
		key, element := at(i)
		inner := len(m.vars)
		if err := m.iterate(n.Pipe, key, element); err != nil {
			return onwards, err
		}
		end, err := m.list(element, n.List)
		m.vars = m.vars[:inner]
		if err != nil || end == breaks {
			return onwards, err
		}
	}
	return onwards, nil
}

// iterate sets the variables of a range.
func (m *machine) iterate(p *parse.PipeNode, key, element any) error {
	values := []any{element}
	if len(p.Decl) > 1 {
		values = []any{key, element}
	}
	for i, decl := range p.Decl {
		if err := m.set(p, decl, values[i]); err != nil {
			return err
		}
	}
	return nil
}

// each returns how many elements a value has for a range, and each with its key.
func (m *machine) each(v any) (count int, at func(int) (key, element any), err error) {
	switch v := v.(type) {
	case []any:
		return len(v), func(i int) (any, any) { return i, v[i] }, nil
	case []string:
		return len(v), func(i int) (any, any) { return i, v[i] }, nil
	case map[string]any:
		keys := slices.Sorted(maps.Keys(v))
		return len(v), func(i int) (any, any) { return keys[i], v[keys[i]] }, m.makes(perElement * len(v))
	case map[string]string:
		keys := slices.Sorted(maps.Keys(v))
		return len(v), func(i int) (any, any) { return keys[i], v[keys[i]] }, m.makes(perElement * len(v))
	case int:
		return max(v, 0), func(i int) (any, any) { return i, i }, nil
	case nil:
		return 0, nil, nil
	}
	return 0, nil, problem("the value is no list, no map and no number of times")
}

// set declares a variable, or assigns to one.
func (m *machine) set(p *parse.PipeNode, decl *parse.VariableNode, value any) error {
	if !p.IsAssign {
		m.vars = append(m.vars, variable{decl.Ident[0], value})
		return nil
	}
	if err := m.take(variableCost * len(m.vars)); err != nil {
		return m.at(decl, err)
	}
	for i := len(m.vars) - 1; i >= 0; i-- {
		if m.vars[i].name == decl.Ident[0] {
			m.vars[i].value = value
			return nil
		}
	}
	return m.at(decl, problemf("there is no variable %s", message.Quote(decl.Ident[0])))
}

// at adds the place of a node to an error that has none.
func (m *machine) at(n parse.Node, err error) error {
	if err == nil {
		return nil
	}
	if own, is := err.(problem); is {
		e := errorAt(m.source, n, string(own))
		if piece := n.String(); len(piece) < 200 && !strings.HasPrefix(piece, "{{") && n.Type() != parse.NodeText &&
			n.Type() != parse.NodeList {
			e.What = message.Quote(piece) + ": " + e.What
		}
		return e
	}
	return err
}
