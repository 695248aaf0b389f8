// SPDX-License-Identifier: Apache-2.0

package yamlnode

import "strings"

// Pair is a field of a map.
type Pair struct{ Key, Value *Node }

// Limits of what aliases can multiply: how deep maps are merged into one another (<<), and how many
// fields a map then has.
const (
	mostMerged = 10
	mostFields = 10_000
)

// Pairs returns the fields of a map, and after them those that are merged into it. It returns nil if
// the node is no map. It follows aliases: unlike the provider's own texts, objects of Kubernetes may
// have them. A map has at most 10,000 fields; the rest is left out.
func Pairs(n *Node) (all []Pair) { return pairsTo(n, mostMerged, mostFields) }

func pairsTo(n *Node, depth, most int) (all []Pair) {
	if n = Resolve(n); n == nil || n.Kind != Map {
		return nil
	}
	var merged []Pair
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], Resolve(n.Content[i+1])
		if !IsMerge(key) {
			all = append(all, Pair{key, value})
			continue
		}
		sources := Elements(value)
		if sources == nil {
			sources = []*Node{value}
		}
		for _, source := range sources {
			if left := most - len(merged); depth > 0 && left > 0 {
				merged = append(merged, pairsTo(source, depth-1, left)...)
			}
		}
	}
	all = append(all, merged...)
	return all[:min(len(all), most)]
}

// Entry returns the key and the value of a field of a map. Both are nil if there is none.
func Entry(n *Node, name string) (key, value *Node) {
	if n = Resolve(n); n == nil || n.Kind != Map {
		return nil, nil
	}
	merges := false
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i], Resolve(n.Content[i+1])
		}
		merges = merges || IsMerge(n.Content[i])
	}
	if merges {
		for _, p := range Pairs(n) {
			if p.Key.Value == name {
				return p.Key, p.Value
			}
		}
	}
	return nil, nil
}

// Field returns the value of a field of a map, nil if there is none.
func Field(n *Node, name string) *Node {
	_, value := Entry(n, name)
	return value
}

// At returns the node at a path of fields, nil if there is none.
func At(n *Node, path ...string) *Node {
	for _, name := range path {
		if n = Field(n, name); n == nil {
			return nil
		}
	}
	return n
}

// TextAt returns the scalar at a path of fields, "" if there is none.
func TextAt(n *Node, path ...string) string {
	if found := At(n, path...); found != nil && found.Kind == Single {
		return found.Value
	}
	return ""
}

// Elements returns the elements of a list, nil if the node is no list.
func Elements(n *Node) (all []*Node) {
	if n = Resolve(n); n == nil || n.Kind != List {
		return nil
	}
	for _, element := range n.Content {
		all = append(all, Resolve(element))
	}
	return all
}

// Limits of lists of objects: an alias can name the list that it is in.
const (
	mostNested  = 5
	mostObjects = 200_000
)

// Objects returns the object of Kubernetes that a document is. For a list (a kind that ends in
// "List") it returns the items instead, to five levels and 200,000 in all, lists included.
func Objects(document *Node) []*Node {
	left := mostObjects
	return objectsTo(document, mostNested, &left)
}

func objectsTo(n *Node, depth int, left *int) (all []*Node) {
	items := Field(n, "items")
	if items == nil || !strings.HasSuffix(TextAt(n, "kind"), "List") {
		return []*Node{n}
	}
	for _, item := range Elements(items) {
		if *left--; depth > 0 && *left >= 0 {
			all = append(all, objectsTo(item, depth-1, left)...)
		}
	}
	return all
}
