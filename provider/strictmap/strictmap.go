// SPDX-License-Identifier: Apache-2.0

// Package strictmap walks maps of YAML in which each field may be given once, and only some
// names are valid. The list of objects and the file of connections are read by it.
package strictmap

import (
	"fmt"

	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/yamlnode"
)

// Map says what is valid in a map, and takes what is not.
type Map struct {
	// Unknown returns what is wrong with the name of a field, "" if the name is valid. It is
	// called for names that are words.
	Unknown func(key *yamlnode.Node) string
	// Wrong takes a mistake: the name that it is about, fit for a message and "" if it is
	// about the map, and what is wrong and what to do.
	Wrong func(key *yamlnode.Node, name, what string)
	// Stop reports that no more mistakes are wanted. nil stands for never.
	Stop func() bool
}

// Each calls field for each valid field of a map, in the order of the text. A field that is
// given twice is a mistake, and only its first value counts.
func (m Map) Each(n *yamlnode.Node, field func(key, value *yamlnode.Node)) {
	lines := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if m.Stop != nil && m.Stop() {
			return
		}
		key, value := n.Content[i], n.Content[i+1]
		name := message.Name(key.Value)
		if !yamlnode.IsName(key) {
			m.Wrong(key, "", fmt.Sprintf("the name of a field is %s, not a word", yamlnode.Describe(key)))
			continue
		}
		if unknown := m.Unknown(key); unknown != "" {
			m.Wrong(key, name, unknown)
			continue
		}
		if first := lines[key.Value]; first > 0 {
			m.Wrong(key, name, fmt.Sprintf("is given twice, first in line %d; drop one of them", first))
			continue
		}
		lines[key.Value] = key.Line
		field(key, value)
	}
}

// Names returns the names of the fields of a map, valid or not.
func Names(n *yamlnode.Node) map[string]bool {
	names := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		names[n.Content[i].Value] = true
	}
	return names
}
