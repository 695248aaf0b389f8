// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"fmt"
	"slices"
	"text/template/parse"

	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/yamlnode"
)

// mostTemplate bounds the text of a template, in bytes: the provider takes no longer ones.
const mostTemplate = 64 << 10

// readTemplate converts target.template: each entry of data is an object. With the merge policy Replace
// there are no other keys.
func (e *external) readTemplate(n *yamlnode.Node) {
	notes := &e.class.above
	e.only(notes, n, "target.template", "type", "engineVersion", "metadata", "mergePolicy", "data", "templateFrom")
	if key, from := yamlnode.Entry(n, "templateFrom"); from != nil {
		e.lose(notes, key,
			"target.template.templateFrom: the templates of ConfigMaps and Secrets are not in these files; write them "+
				"as objects with template")
	}
	if version := yamlnode.TextAt(n, "engineVersion"); version != "" && version != "v2" {
		e.lose(notes, yamlnode.Field(n, "engineVersion"),
			"target.template.engineVersion %s: the functions of v2 are used", message.Name(version))
	}
	entries := yamlnode.Pairs(yamlnode.Field(n, "data"))
	var made []*object
	for _, p := range entries[:min(len(entries), mostEntries)] {
		made = append(made, e.templateObject(p.Key.Value, p.Value))
	}
	switch merge := yamlnode.TextAt(n, "mergePolicy") == "Merge"; {
	case len(entries) == 0:
		return
	case merge:
		e.values = slices.DeleteFunc(e.values, func(v noted) bool {
			return slices.ContainsFunc(made, func(o *object) bool { return o.file == v.key })
		})
	default:
		e.values, e.bulk = nil, nil
		for _, o := range e.objects {
			o.members = nil // a source of the templates
		}
	}
	e.objects = append(e.objects, made...)
}

// templateObject returns the object for an entry of a template's data.
func (e *external) templateObject(key string, value *yamlnode.Node) *object {
	o := &object{of: value, file: key}
	lost := func(format string, args ...any) *object {
		e.lose(&o.comments, value, "template of "+message.Name(key)+": "+format, args...)
		return &object{of: value, comments: o.comments}
	}
	if len(value.Value) > mostTemplate {
		return lost("it is longer than %d KiB", mostTemplate>>10)
	}
	t := &translation{external: e, notes: &o.comments}
	tree, err := parseTemplate(value.Value)
	if err != nil {
		return lost("%s", message.OneLine(err.Error()))
	}
	if name, is := onlyValue(tree); is {
		if v, why := t.value(name); why == "" {
			whole := v.object(key, o.comments)
			whole.of = value
			return whole
		}
	}
	if why := t.translate(tree); why != "" {
		return lost("%s", why)
	}
	if len(t.sources) == 0 {
		return lost("it uses no secret; write the text into a ConfigMap, or into the image")
	}
	text := tree.Root.String()
	if again, err := parseTemplate(text); err != nil || again.Root.String() != text {
		return lost("it cannot be written anew; write {{ \"{\" }} for a brace before an action")
	}
	for _, s := range t.sources {
		o.reads = append(o.reads, scalar(s.path))
	}
	o.members = []member{{"secrets", t.secrets()}, {"template", block(text)}, {"objectName", scalar(key)}}
	return o
}

// parseTemplate parses a template. It defines no further ones.
func parseTemplate(text string) (*parse.Tree, error) {
	tree := parse.New("template")
	tree.Mode = parse.SkipFuncCheck
	all := map[string]*parse.Tree{}
	if _, err := tree.Parse(text, "", "", all); err != nil {
		return nil, err
	}
	if len(all) > 1 || tree.Root == nil {
		return nil, fmt.Errorf("a template within it is not converted")
	}
	return tree, nil
}

// onlyValue returns the name of the value that a template consists of, with toString or without.
func onlyValue(tree *parse.Tree) (name string, is bool) {
	if len(tree.Root.Nodes) != 1 {
		return "", false
	}
	action, is := tree.Root.Nodes[0].(*parse.ActionNode)
	if !is || len(action.Pipe.Decl) > 0 || len(action.Pipe.Cmds) > 2 {
		return "", false
	}
	for i, command := range action.Pipe.Cmds {
		if len(command.Args) != 1 {
			return "", false
		}
		switch arg := command.Args[0].(type) {
		case *parse.FieldNode:
			if i > 0 || len(arg.Ident) != 1 {
				return "", false
			}
			name = arg.Ident[0]
		case *parse.IdentifierNode:
			if i != 1 || arg.Ident != "toString" {
				return "", false
			}
		default:
			return "", false
		}
	}
	return name, name != ""
}
