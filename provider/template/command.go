// SPDX-License-Identifier: Apache-2.0

package template

import (
	"text/template/parse"

	"ovhcloud-csi-provider/provider/message"
)

// pipe returns the value of a pipeline, and sets its variables.
func (m *machine) pipe(dot any, p *parse.PipeNode) (any, error) {
	v, err := m.value(dot, p)
	if err != nil {
		return nil, err
	}
	for _, decl := range p.Decl {
		if err := m.set(p, decl, v); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// value returns the value of a pipeline: that of each command is the last argument of the next one.
func (m *machine) value(dot any, p *parse.PipeNode) (v any, err error) {
	for i, c := range p.Cmds {
		var last []any
		if i > 0 {
			last = []any{v}
		}
		if v, err = m.command(dot, c, last); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// command returns the value of a command. last is the value before it in the pipeline, or empty.
func (m *machine) command(dot any, c *parse.CommandNode, last []any) (any, error) {
	if function, is := c.Args[0].(*parse.IdentifierNode); is {
		return m.call(dot, function, c.Args[1:], last)
	}
	if len(c.Args) > 1 || len(last) > 0 {
		return nil, m.at(c, problem("is no function, and takes no arguments"))
	}
	return m.operand(dot, c.Args[0])
}

// operand returns the value of an argument.
func (m *machine) operand(dot any, n parse.Node) (any, error) {
	if err := m.take(nodeCost); err != nil {
		return nil, m.at(n, err)
	}
	switch n := n.(type) {
	case *parse.DotNode:
		return dot, nil
	case *parse.NilNode:
		return nil, nil
	case *parse.BoolNode:
		return n.True, nil
	case *parse.StringNode:
		return n.Text, m.at(n, m.take(len(n.Text)))
	case *parse.NumberNode:
		if n.IsInt {
			return int(n.Int64), nil
		}
		return number(n.Text), nil
	case *parse.FieldNode:
		return m.fields(n, dot, n.Ident)
	case *parse.VariableNode:
		v, err := m.variable(n)
		if err != nil {
			return nil, err
		}
		return m.fields(n, v, n.Ident[1:])
	case *parse.ChainNode:
		v, err := m.operand(dot, n.Node)
		if err != nil {
			return nil, err
		}
		return m.fields(n, v, n.Field)
	case *parse.PipeNode:
		return m.pipe(dot, n)
	case *parse.IdentifierNode:
		return m.call(dot, n, nil, nil)
	}
	return nil, m.at(n, problem("is not understood"))
}

// variable returns the value of a variable.
func (m *machine) variable(n *parse.VariableNode) (any, error) {
	if err := m.take(variableCost * len(m.vars)); err != nil {
		return nil, m.at(n, err)
	}
	for i := len(m.vars) - 1; i >= 0; i-- {
		if m.vars[i].name == n.Ident[0] {
			return m.vars[i].value, nil
		}
	}
	return nil, m.at(n, problemf("there is no variable %s", message.Quote(n.Ident[0])))
}

// fields follows names into maps.
func (m *machine) fields(n parse.Node, v any, names []string) (any, error) {
	for _, name := range names {
		switch of := v.(type) {
		case map[string]any:
			one, has := of[name]
			if !has {
				return nil, m.at(n, m.noKey(of, name))
			}
			v = one
		case map[string]string:
			one, has := of[name]
			if !has {
				return nil, m.at(n, problemf("there is no key %s", message.Quote(name)))
			}
			v = one
		default:
			return nil, m.at(n, problemf("there is no key %s in what is before it, which is no map", message.Quote(name)))
		}
	}
	return v, nil
}

// call calls a function. and and or look at as many arguments as they need.
func (m *machine) call(dot any, n *parse.IdentifierNode, args []parse.Node, last []any) (any, error) {
	f, known := functionOf(n.Ident)
	var values []any
	for _, arg := range args {
		v, err := m.operand(dot, arg)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
		if lazy := n.Ident == "and" && isEmpty(v) || n.Ident == "or" && !isEmpty(v); lazy {
			return v, nil
		}
	}
	values = append(values, last...)
	switch {
	case !known:
		return nil, m.at(n, problemf("there is no function %s", message.Quote(n.Ident)))
	case len(values) < f.least || f.most >= 0 && len(values) > f.most:
		return nil, m.at(n, problemf("takes %s, not %d", f.wants(), len(values)))
	}
	v, err := f.call(m.run, values)
	if err == nil {
		err = m.take(0)
	}
	return v, m.at(n, err)
}
