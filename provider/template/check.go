// SPDX-License-Identifier: Apache-2.0

package template

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template/parse"

	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/nearest"
)

// checker walks the trees of a template.
type checker struct {
	text    string
	sources []string
	used    map[string]bool
	known   []string            // functions
	calls   map[string][]string // the templates that each template calls
	current string              // template
	moved   int                 // blocks around in which the dot may be something else
}

// check checks the names that a template uses, that every source is used, and that no template calls
// itself.
func check(text string, trees map[string]*parse.Tree, sources []string) (err error) {
	c := &checker{text: text, sources: sources, used: map[string]bool{}, calls: map[string][]string{}, known: Functions()}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *Error:
			err = r
		default:
			panic(r)
		}
	}()
	for _, n := range slices.Sorted(maps.Keys(trees)) {
		if c.current = n; trees[n].Root != nil {
			c.moved = 0
			if n != name {
				c.moved = 1
			}
			c.walk(trees[n].Root)
		}
	}
	c.follow(trees)
	for _, source := range sources {
		if !c.used[source] {
			return &Error{What: "does not use the secret " + message.Quote(source) + "; drop it from secrets, or write {{ ." +
				source + ".… }}"}
		}
	}
	return nil
}

// follow looks for templates that are not defined, that call themselves, or that call too many of
// one another. It goes level by level, so that those that many others call are not looked at again
// and again.
func (c *checker) follow(trees map[string]*parse.Tree) {
	for _, caller := range slices.Sorted(maps.Keys(c.calls)) {
		for _, n := range c.calls[caller] {
			if trees[n] == nil {
				panic(&Error{What: "calls the template " + message.Quote(n) + ", which it does not define"})
			}
		}
	}
	level := map[string]bool{name: true}
	for depth := 0; len(level) > 0; depth++ {
		if depth > maxDepth {
			panic(&Error{What: fmt.Sprintf("has a template that calls itself, or more than %d that call one another", maxDepth)})
		}
		next := map[string]bool{}
		for n := range level {
			for _, called := range c.calls[n] {
				next[called] = true
			}
		}
		level = next
	}
}

// wrong ends the walk with an error about a node.
func (c *checker) wrong(n parse.Node, format string, args ...any) {
	panic(errorAt(c.text, n, fmt.Sprintf(format, args...)))
}

// walk checks a node and those below it.
func (c *checker) walk(n parse.Node) {
	switch n := n.(type) {
	case *parse.ListNode:
		if n != nil {
			for _, one := range n.Nodes {
				c.walk(one)
			}
		}
	case *parse.ActionNode:
		c.walk(n.Pipe)
	case *parse.PipeNode:
		if n != nil {
			for _, command := range n.Cmds {
				c.walk(command)
			}
		}
	case *parse.CommandNode:
		c.message(n)
		for _, arg := range n.Args {
			c.walk(arg)
		}
	case *parse.ChainNode:
		c.walk(n.Node)
	case *parse.IfNode:
		c.branch(&n.BranchNode, 0)
	case *parse.RangeNode:
		c.branch(&n.BranchNode, 1)
	case *parse.WithNode:
		c.branch(&n.BranchNode, 1)
	case *parse.TemplateNode:
		c.calls[c.current] = append(c.calls[c.current], n.Name)
		c.walk(n.Pipe)
	case *parse.IdentifierNode:
		if !slices.Contains(c.known, n.Ident) {
			c.wrong(n, "there is no function %s; %s", message.Quote(n.Ident), nearest.Suggestion(n.Ident, c.known))
		}
	case *parse.FieldNode:
		c.source(n, n.Ident[0], c.moved == 0)
	case *parse.VariableNode:
		switch {
		case len(n.Ident) > 1:
			c.source(n, n.Ident[1], n.Ident[0] == "$" && c.current == name)
		case n.Ident[0] == "$":
			c.all()
		}
	case *parse.StringNode:
		c.used[n.Text] = true // index . "db"
	case *parse.DotNode:
		c.all()
	}
}

// message checks that the message of required is a constant: an error shows no value.
func (c *checker) message(n *parse.CommandNode) {
	if f, is := n.Args[0].(*parse.IdentifierNode); !is || f.Ident != "required" {
		return
	}
	if len(n.Args) > 1 {
		if _, constant := n.Args[1].(*parse.StringNode); constant {
			return
		}
	}
	c.wrong(n, "required wants its message as a text in quotes, as in {{ .db.user | required \"no user\" }}")
}

// all notes that any source may be used.
func (c *checker) all() {
	for _, source := range c.sources {
		c.used[source] = true
	}
}

// branch checks a block; moves is 1 if the dot is something else within it.
func (c *checker) branch(n *parse.BranchNode, moves int) {
	c.walk(n.Pipe)
	c.moved += moves
	c.walk(n.List)
	c.moved -= moves
	if n.ElseList != nil {
		c.walk(n.ElseList)
	}
}

// source notes the use of a source. It must be one if that is sure.
func (c *checker) source(n parse.Node, name string, sure bool) {
	c.used[name] = true
	if sure && !slices.Contains(c.sources, name) {
		c.wrong(n, "there is no secret %s; %s", message.Quote(name), nearest.Suggestion(name, c.sources))
	}
}

// parserError matches an error of the parser.
var parserError = regexp.MustCompile(`^template: ` + name + `:(\d+)(?::\d+)?: (.*)$`)

// syntaxError returns an error of the parser, which quotes nothing but the template.
func syntaxError(err error) error {
	m := parserError.FindStringSubmatch(err.Error())
	if m == nil {
		return &Error{What: "cannot be read: " + message.Bound(strings.TrimPrefix(err.Error(), "template: "), 200)}
	}
	line, _ := strconv.Atoi(m[1])
	return &Error{Line: line, What: message.Bound(m[2], 200)}
}
