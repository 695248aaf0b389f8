// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/yamlnode"
)

// mostByAliases is how many nodes the aliases of a document may add. Those of hand-written objects add some
// hundreds. Ten lists of ten aliases each, one in another, add ten thousand million.
const mostByAliases = 200_000

// expansion counts what the aliases of a document add.
type expansion struct {
	sizes map[*yamlnode.Node]int // with aliases resolved, of the nodes that have an anchor; 0 while it is counted
	added int
}

// checkAliases returns the first alias with which a document cannot be followed, and why; nil if there is none.
func checkAliases(document *yamlnode.Node) (alias *yamlnode.Node, why string) {
	e := expansion{sizes: map[*yamlnode.Node]int{}}
	_, alias, why = e.size(document)
	return alias, why
}

// size returns the number of nodes of a tree with its aliases resolved.
func (e *expansion) size(n *yamlnode.Node) (size int, alias *yamlnode.Node, why string) {
	if target := yamlnode.Resolve(n); target != n {
		size, known := e.sizes[target]
		if !known || size == 0 {
			return 0, n, "the anchor " + message.Quote(target.Anchor) + " contains itself; write the value where the alias is"
		}
		if e.added += size; e.added > mostByAliases {
			return 0, n, "aliases make the document too large; write out what is needed"
		}
		return size, nil, ""
	}
	if n.Anchor != "" {
		e.sizes[n] = 0
	}
	size = 1
	for _, child := range n.Content {
		more, alias, why := e.size(child)
		if alias != nil {
			return 0, alias, why
		}
		size += more
	}
	if n.Anchor != "" {
		e.sizes[n] = size
	}
	return size, nil, ""
}
