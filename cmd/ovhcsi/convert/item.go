// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"fmt"
	"slices"

	"ovhcloud-csi-provider/cmd/ovhcsi/lint"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/nearest"
	"ovhcloud-csi-provider/provider/yamlnode"
)

// Options are what a conversion depends on besides the sources. The zero value is none of it.
type Options struct {
	// Connection is the provider's connection that the classes use; "" if pods bring credentials.
	Connection string
	// Keys are the keys of secrets that dataFrom extracts, by "path", or "path#property" for those of
	// a property. The keys of other secrets are not known.
	Keys map[string][]string
}

// item is an object of Kubernetes that is converted.
type item struct {
	*report
	options Options
	file    string
	node    *yamlnode.Node
}

// at returns the node at a path of fields, nil if there is none.
func (i *item) at(path ...string) *yamlnode.Node { return yamlnode.At(i.node, path...) }

// text returns the scalar at a path of fields, "" if there is none.
func (i *item) text(path ...string) string { return yamlnode.TextAt(i.node, path...) }

// title returns kind, namespace and name of the object with its place.
func (i *item) title() string {
	name := i.text("metadata", "name")
	if namespace := i.text("metadata", "namespace"); namespace != "" {
		name = namespace + "/" + name
	}
	return fmt.Sprintf("%s %s (%s:%d)", i.text("kind"), name, i.file, i.node.Line)
}

// lose says that something of the source has no counterpart: in a warning, and in a comment unless at
// is nil. n is the node that it is about; nil is the object.
func (i *item) lose(at *comments, n *yamlnode.Node, format string, args ...any) {
	i.say(lint.Warning, at, n, format, args...)
}

// advise says what a person has to do or to know, though nothing is lost.
func (i *item) advise(at *comments, n *yamlnode.Node, format string, args ...any) {
	i.say(lint.Note, at, n, format, args...)
}

func (i *item) say(severity lint.Severity, at *comments, n *yamlnode.Node, format string, args ...any) {
	if n == nil {
		n = i.node
	}
	text := fmt.Sprintf(format, args...)
	i.add(severity, i.file, n.Line, "%s", text)
	if at != nil && len(*at) < mostNotes {
		*at = append(*at, text)
	}
}

// only says which fields of a map are unknown. where is the name of the map in messages.
func (i *item) only(at *comments, n *yamlnode.Node, where string, known ...string) {
	for _, p := range yamlnode.Pairs(n) {
		if name := p.Key.Value; !slices.Contains(known, name) {
			i.lose(at, p.Key, "%s.%s: unknown field; %s", where, message.Name(name), nearest.Suggestion(name, known))
		}
	}
}

// drop says of each named field that is given that it has no counterpart, with the reason.
func (i *item) drop(at *comments, n *yamlnode.Node, where, reason string, names ...string) {
	for _, name := range names {
		if key, _ := yamlnode.Entry(n, name); key != nil {
			i.lose(at, key, "%s.%s: %s", where, name, reason)
		}
	}
}

// orDefault returns text, or other if it is empty.
func orDefault(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// orNode returns the first node that is not nil.
func orNode(n, other *yamlnode.Node) *yamlnode.Node {
	if n != nil {
		return n
	}
	return other
}
