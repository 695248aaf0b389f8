// SPDX-License-Identifier: Apache-2.0

// Package yamlnode parses YAML strictly: one document, no aliases, scalar values as they are
// written. It returns nodes instead of Go values, so that aliases are not expanded, numbers are
// not converted, and every error has its line.
//
// It knows no names of fields.
package yamlnode

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Node is a node of YAML.
type Node = yaml.Node

// Single is the Kind of a scalar value.
const Single = yaml.ScalarNode

// List is the Kind of a list.
const List = yaml.SequenceNode

// Map is the Kind of a map.
const Map = yaml.MappingNode

// ErrEmpty is the error of Document for a text without a document.
var ErrEmpty = errors.New("is empty")

// Document returns the root node of the only document in a text. It returns ErrEmpty if there is
// no document. Errors have no subject ("is not YAML: …"): the caller writes the name of the text
// before them.
func Document(text string) (*Node, error) {
	dec := yaml.NewDecoder(strings.NewReader(text))
	var document, more Node
	if err := dec.Decode(&document); errors.Is(err, io.EOF) {
		return nil, ErrEmpty
	} else if err != nil {
		return nil, syntaxError(err, text)
	}
	if err := dec.Decode(&more); err == nil {
		return nil, errors.New("holds more than one YAML document (---)")
	} else if !errors.Is(err, io.EOF) {
		return nil, syntaxError(err, text)
	}
	return document.Content[0], nil
}

// Documents returns the root nodes of all documents in a text, without the empty ones. The lines of
// nodes are those of the text. Documents before a mistake are returned with the error.
func Documents(text string) (all []*Node, err error) {
	dec := yaml.NewDecoder(strings.NewReader(text))
	for {
		var document Node
		switch err := dec.Decode(&document); {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return all, syntaxError(err, text)
		case len(document.Content) > 0 && document.Content[0].Tag != "!!null":
			all = append(all, document.Content[0])
		}
	}
}

// IsBlock reports whether a scalar is a block (| or >), whose text begins on the next line.
func IsBlock(n *Node) bool { return n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 }

// Resolve returns the node that an alias stands for, and any other node as it is. It is for texts that
// may have aliases.
func Resolve(n *Node) *Node {
	if n != nil && n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// IsMerge reports whether a key of a map merges another map into it: <<.
func IsMerge(key *Node) bool { return key.Tag == "!!merge" }

// IsString reports whether a node is a text to Kubernetes, and not a number, a boolean, null or a
// collection. Kubernetes reads YAML 1.1, in which yes and off are booleans.
func IsString(n *Node) bool {
	switch {
	case n.Kind != yaml.ScalarNode:
		return false
	case n.Tag == "!!str":
		return n.Style != 0 || !slices.Contains([]string{"yes", "no", "on", "off"}, strings.ToLower(n.Value))
	}
	return n.Tag == "!!timestamp" || n.Tag == "!!binary"
}

// IsMap reports whether a node is a map without an anchor.
func IsMap(n *Node) bool { return n.Kind == yaml.MappingNode && n.Anchor == "" }

// IsList reports whether a node is a list without an anchor.
func IsList(n *Node) bool { return n.Kind == yaml.SequenceNode && n.Anchor == "" }

// IsName reports whether a node can be the name of a field: a scalar without an anchor.
func IsName(n *Node) bool { return n.Kind == yaml.ScalarNode && n.Anchor == "" }

// IsTagged reports whether a node has a tag in the text, such as !!str or !Ref.
func IsTagged(n *Node) bool { return n.Style&yaml.TaggedStyle != 0 }

// Describe returns the type of a node for a message: for example "a map", "a list", or "a single
// value".
func Describe(n *Node) string {
	switch {
	case n.Anchor != "":
		return "an anchor (&" + bounded(n.Anchor, 20) + ")"
	case n.Kind == yaml.MappingNode:
		return "a map"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.AliasNode:
		return "an alias"
	case n.Tag == "!!null":
		return "empty"
	}
	return "a single value"
}

// IsEmpty reports whether a node is null or an empty scalar without an anchor.
func IsEmpty(n *Node) bool {
	return n.Kind == yaml.ScalarNode && n.Anchor == "" && (n.Tag == "!!null" || n.Tag == "!!str" && n.Value == "")
}

// Scalar returns a scalar value as it is written, without quotes: 0440, "0440" and '0440' are the
// same, and so are 3 and "3". It fails for an empty value, an alias, an anchor, or another kind
// of node.
func Scalar(n *Node) (string, error) {
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		return "", errors.New("anchors and aliases are not supported here")
	case n.Kind != yaml.ScalarNode:
		return "", fmt.Errorf("is %s; want a single value", Describe(n))
	case n.Tag == "!!null" || n.Value == "":
		return "", errors.New("is empty")
	case !slices.Contains([]string{"!!str", "!!int", "!!float", "!!bool", "!!timestamp"}, n.Tag):
		return "", fmt.Errorf("has the YAML tag %q; want a plain value", bounded(n.Tag, 80))
	}
	return n.Value, nil
}

// bounded returns s, cut to at most most bytes and an ellipsis.
func bounded(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
