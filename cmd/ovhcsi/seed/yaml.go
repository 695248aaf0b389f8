// SPDX-License-Identifier: Apache-2.0

package seed

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/yamlnode"
)

// maxDepth bounds how deep lists and maps are nested.
const maxDepth = 100

// objectOfYAML returns the JSON object of a text that is one YAML map. Numbers, true and false stay what
// they are, in the same characters. Anchors, aliases and tags are refused.
func objectOfYAML(text string) (string, error) {
	n, err := yamlnode.Document(text)
	if err != nil {
		return "", err
	}
	if n.Kind != yamlnode.Map {
		return "", fmt.Errorf("line %d: is %s; want a map of keys and values", n.Line, yamlnode.Describe(n))
	}
	var b bytes.Buffer
	if err := writeNode(&b, n, 0); err != nil {
		return "", err
	}
	return b.String(), nil
}

// writeNode writes a node as JSON.
func writeNode(b *bytes.Buffer, n *yamlnode.Node, depth int) error {
	switch {
	case depth > maxDepth:
		return fmt.Errorf("line %d: lists and maps are nested more than %d deep", n.Line, maxDepth)
	case n.Anchor != "" || yamlnode.Resolve(n) != n:
		return fmt.Errorf("line %d: anchors and aliases are not supported here", n.Line)
	case n.Kind == yamlnode.Map:
		return writeMap(b, n, depth)
	case n.Kind == yamlnode.List:
		b.WriteByte('[')
		for i, element := range n.Content {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := writeNode(b, element, depth+1); err != nil {
				return err
			}
		}
		b.WriteByte(']')
		return nil
	}
	value, err := scalar(n)
	if err != nil {
		return fmt.Errorf("line %d: %w", n.Line, err)
	}
	b.Write(value)
	return nil
}

// writeMap writes a map as a JSON object, in its order.
func writeMap(b *bytes.Buffer, n *yamlnode.Node, depth int) error {
	seen := map[string]bool{}
	b.WriteByte('{')
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if !yamlnode.IsName(key) || yamlnode.IsMerge(key) {
			return fmt.Errorf("line %d: a key is %s; want a plain name", key.Line, yamlnode.Describe(key))
		}
		if seen[key.Value] {
			return fmt.Errorf("line %d: key %s is given twice", key.Line, message.Quote(key.Value))
		}
		seen[key.Value] = true
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(quoted(key.Value))
		b.WriteByte(':')
		if err := writeNode(b, value, depth+1); err != nil {
			return err
		}
	}
	b.WriteByte('}')
	return nil
}

// scalar returns the JSON text of a scalar. Its errors do not quote the value.
func scalar(n *yamlnode.Node) ([]byte, error) {
	switch n.Tag {
	case "!!str", "!!timestamp":
		return quoted(n.Value), nil
	case "!!null":
		return []byte("null"), nil
	case "!!int", "!!float", "!!bool":
		if json.Valid([]byte(n.Value)) {
			return []byte(n.Value), nil
		}
		return nil, errors.New("the number has no counterpart in JSON; quote it if it is a text")
	}
	return nil, errors.New("a tag is not supported here; drop it")
}

// quoted returns a text as a JSON string, with <, > and & as they are.
func quoted(text string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // never fails for a string
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
