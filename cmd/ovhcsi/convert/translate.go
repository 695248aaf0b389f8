// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template/parse"

	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/template"
)

// translation makes a template over secrets of a template over the values of an ExternalSecret.
type translation struct {
	*external
	notes   *comments // of the object
	sources []templateSource
	why     string // why it cannot be translated; "" if it can
	moved   int    // blocks around in which the dot is something else
}

// templateSource is a secret of a template, by its name there.
type templateSource struct{ name, path, version string }

// renamed are functions that have another name here.
var renamed = map[string]string{
	"mustToJson": "toJson", "toRawJson": "toJson", "mustToRawJson": "toJson", "mustFromJson": "fromJson",
	"mustToPrettyJson": "toPrettyJson", "mustFirst": "first", "mustLast": "last",
}

// instead says what to use for functions that are not here.
var instead = []struct {
	names *regexp.Regexp
	text  string
}{
	{regexp.MustCompile(`(?i)pkcs12|pem|certchain|jks`), "an object with certificate does this, see docs/certificates.md"},
	{regexp.MustCompile(`^(now|date|rand|gen|uuid|env|expandenv)`), "it would give another result each time"},
	{regexp.MustCompile(``), "docs/templates.md has the functions"},
}

// translate changes the tree. It returns why that cannot be done, "" if it is done.
func (t *translation) translate(tree *parse.Tree) (why string) {
	t.list(tree.Root)
	return t.why
}

func (t *translation) fail(format string, args ...any) {
	if t.why == "" {
		t.why = fmt.Sprintf(format, args...)
	}
}

func (t *translation) list(n *parse.ListNode) {
	if n == nil {
		return
	}
	for _, one := range n.Nodes {
		switch one := one.(type) {
		case *parse.ActionNode:
			t.pipe(one.Pipe)
		case *parse.IfNode:
			t.branch(&one.BranchNode, 0)
		case *parse.RangeNode:
			t.branch(&one.BranchNode, 1)
		case *parse.WithNode:
			t.branch(&one.BranchNode, 1)
		case *parse.TemplateNode:
			t.fail("a template within it is not converted")
		}
	}
}

// branch translates a block; moves is 1 if the dot is something else within it.
func (t *translation) branch(n *parse.BranchNode, moves int) {
	t.pipe(n.Pipe)
	t.moved += moves
	t.list(n.List)
	t.moved -= moves
	t.list(n.ElseList)
}

func (t *translation) pipe(n *parse.PipeNode) {
	if n == nil {
		return
	}
	for _, command := range n.Cmds {
		for i, arg := range command.Args {
			command.Args[i] = t.argument(arg)
		}
	}
}

// argument returns the node for one of a command.
func (t *translation) argument(n parse.Node) parse.Node {
	switch n := n.(type) {
	case *parse.PipeNode:
		t.pipe(n)
	case *parse.ChainNode:
		n.Node = t.argument(n.Node)
	case *parse.IdentifierNode:
		t.function(n)
	case *parse.FieldNode:
		if t.moved == 0 {
			return t.field(n, "", n.Ident)
		}
	case *parse.VariableNode:
		if n.Ident[0] == "$" && len(n.Ident) == 1 {
			t.fail("it uses all values at once")
		} else if n.Ident[0] == "$" {
			return t.field(n, "$", n.Ident[1:])
		}
	case *parse.DotNode:
		if t.moved == 0 {
			t.fail("it uses all values at once")
		}
	}
	return n
}

// function checks that there is a function, and gives it its name here.
func (t *translation) function(n *parse.IdentifierNode) {
	if name, is := renamed[n.Ident]; is {
		n.Ident = name
	}
	if slices.Contains(template.Functions(), n.Ident) {
		return
	}
	for _, one := range instead {
		if one.names.MatchString(n.Ident) {
			t.fail("there is no function %s; %s", message.Name(n.Ident), one.text)
			return
		}
	}
}

// field returns the node for a value of the ExternalSecret. root is what the dot at the beginning is.
func (t *translation) field(n parse.Node, root string, path []string) parse.Node {
	if len(path) != 1 {
		t.fail("a value is a text and has no fields: .%s", message.OneLine(strings.Join(path, ".")))
		return n
	}
	v, why := t.value(path[0])
	if why != "" {
		t.fail("%s", why)
		return n
	}
	for _, text := range v.comments {
		if !slices.Contains(*t.notes, text) {
			*t.notes = append(*t.notes, text)
		}
	}
	from := root + "." + t.source(v.remote)
	text := t.within(from, v.remote)
	switch v.encoding {
	case "":
	case "base64":
		text = "(b64dec " + text + ")"
	default:
		t.fail("there is no function that decodes %s", v.encoding)
	}
	return &parse.IdentifierNode{NodeType: parse.NodeIdentifier, Ident: text}
}

// value returns the value of a name: one of data, or a key of the only secret that dataFrom extracts.
func (t *translation) value(name string) (v noted, why string) {
	for _, v := range t.values {
		if v.key == name {
			return v, ""
		}
	}
	switch {
	case len(t.bulk) == 1 && t.bulk[0].property == "" && !strings.HasSuffix(t.bulk[0].path, "/"):
		r := t.bulk[0].remote
		r.property = escapeKey(name)
		return noted{value{name, r}, nil}, ""
	case len(t.bulk) > 0:
		return noted{}, fmt.Sprintf("it is not known which secret has .%s; %s", message.OneLine(name), t.bulk[0].advice)
	}
	return noted{}, "there is no value ." + message.OneLine(name) + " in data"
}

// source returns the template's name of a secret.
func (t *translation) source(r remote) string {
	name := identifier(r.path[strings.LastIndexByte(r.path, '/')+1:])
	taken := map[string]bool{}
	for _, s := range t.sources {
		if s.path == r.path && s.version == r.version {
			return s.name
		}
		taken[s.name] = true
	}
	unique := name
	for n := 2; taken[unique]; n++ {
		unique = name + strconv.Itoa(n)
	}
	t.sources = append(t.sources, templateSource{unique, r.path, r.version})
	return unique
}

// identifier returns a text as a name in templates.
func identifier(text string) string {
	name := strings.Map(func(r rune) rune {
		if r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, message.Bound(text, 40))
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		return "s" + name
	}
	return name
}

var (
	word   = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)
	digits = regexp.MustCompile(`^[0-9]{1,6}$`)
	// fileName matches keys with a dot that nobody means as a path into JSON.
	fileName = regexp.MustCompile(`^[^.]*\.(crt|key|pem|json|yaml|yml|conf|cfg|ini|txt|properties|p12|jks|xml|env|toml)$`)
)

// within returns the expression for a part of a secret.
func (t *translation) within(from string, r remote) string {
	if r.property == "" {
		return "(toJson " + from + ")"
	}
	parts, plain := pathParts(r.property)
	if !plain {
		t.fail("the property %s is not a path of keys", message.Quote(r.property))
	}
	if r.store != nil && !r.store.ovh && fileName.MatchString(r.property) {
		parts = []string{r.property}
	}
	words, all := true, ""
	for _, part := range parts {
		words = words && word.MatchString(part)
		if digits.MatchString(part) && len(parts) > 1 {
			all += " " + strings.TrimLeft(part[:len(part)-1], "0") + part[len(part)-1:]
		} else {
			all += " " + strconv.Quote(part)
		}
	}
	if words {
		return from + "." + strings.Join(parts, ".")
	}
	return "(index " + from + all + ")"
}

// pathParts returns the keys of a path into JSON. It returns false if the path has more than keys.
func pathParts(path string) (parts []string, plain bool) {
	part, escaped := "", false
	for _, r := range path {
		switch {
		case escaped:
			part, escaped = part+string(r), false
		case r == '\\':
			escaped = true
		case r == '.':
			parts, part = append(parts, part), ""
		case strings.ContainsRune(special, r):
			return nil, false
		default:
			part += string(r)
		}
	}
	return append(parts, part), !escaped
}

// secrets returns the field secrets of the object.
func (t *translation) secrets() string {
	var all []string
	for _, s := range t.sources {
		text := scalar(s.path)
		if s.version != "" {
			text = "{secretPath: " + text + ", objectVersion: " + number(s.version) + "}"
		}
		all = append(all, s.name+": "+text)
	}
	return "{" + strings.Join(all, ", ") + "}"
}
