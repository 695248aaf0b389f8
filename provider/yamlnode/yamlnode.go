// Package yamlnode reads YAML as nodes, strictly: one document, no aliases, plain
// values as they are written. Nodes are read, not Go values, so that no alias is
// ever expanded, no number ever converted, and every error has its line.
//
// It knows no fields.
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

// Single is the Kind of a single value.
const Single = yaml.ScalarNode

// List is the Kind of a list.
const List = yaml.SequenceNode

// ErrEmpty is what Document returns where there is no document at all.
var ErrEmpty = errors.New("is empty")

// Document reads the one document of a text. Errors read on from the name of
// the text: "is not YAML: …".
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

// IsMap and IsList say whether a node is one, and no anchor.
func IsMap(n *Node) bool { return n.Kind == yaml.MappingNode && n.Anchor == "" }

// IsList says whether a node is a list, and no anchor.
func IsList(n *Node) bool { return n.Kind == yaml.SequenceNode && n.Anchor == "" }

// IsName says whether a node can be the name of a field.
func IsName(n *Node) bool { return n.Kind == yaml.ScalarNode && n.Anchor == "" }

// Describe is what a node is, for a message: "a map", "a list", "a single value".
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

// IsEmpty says whether a node is a value in which nothing is written, or null.
func IsEmpty(n *Node) bool {
	return n.Kind == yaml.ScalarNode && n.Anchor == "" && (n.Tag == "!!null" || n.Tag == "!!str" && n.Value == "")
}

// Scalar is a single value as it is written: 0440, "0440" and '0440' are the
// same, and so are 3 and "3". Nothing is an error.
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

// bounded cuts s to about most bytes.
func bounded(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
