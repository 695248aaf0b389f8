package lint

import (
	"strings"
	"sync"

	"ovhcloud-csi-provider/provider/yamlnode"
)

// text is the text of a source.
type text struct {
	Source
	number int // of the source
	once   sync.Once
	split  []string
}

// lines returns the lines of the text.
func (t *text) lines() []string {
	t.once.Do(func() { t.split = strings.Split(t.Text, "\n") })
	return t.split
}

// object is a Kubernetes object, or anything else that a document holds.
type object struct {
	source *text
	node   *yamlnode.Node
}

// at returns the node at a path of fields, nil if there is none.
func (o *object) at(path ...string) *yamlnode.Node { return at(o.node, path...) }

// text returns the scalar at a path, "" if there is none.
func (o *object) text(path ...string) string { return textAt(o.node, path...) }

// name returns namespace and name. The namespace may be empty: kubectl's own then.
func (o *object) name() (namespace, name string) {
	return o.text("metadata", "namespace"), o.text("metadata", "name")
}

// ignoreAnnotation accepts findings: IDs, then a colon and the reason.
const ignoreAnnotation = "ovhcsi.lint/ignore"

// ignores reports whether an annotation of the object accepts a rule, with a reason.
func (o *object) ignores(r Rule) bool {
	ids, reason, _ := strings.Cut(o.text("metadata", "annotations", ignoreAnnotation), ":")
	return strings.TrimSpace(reason) != "" && strings.Contains(" "+strings.ReplaceAll(ids, ",", " ")+" ", " "+r.ID+" ")
}

func at(n *yamlnode.Node, path ...string) *yamlnode.Node {
	for _, name := range path {
		if n = field(n, name); n == nil {
			return nil
		}
	}
	return n
}

func textAt(n *yamlnode.Node, path ...string) string {
	if found := at(n, path...); found != nil && found.Kind == yamlnode.Single {
		return found.Value
	}
	return ""
}

// pair is a field of a map.
type pair struct{ key, value *yamlnode.Node }

// mostMerged bounds how deep maps are merged into one another (<<).
const mostMerged = 10

// pairs returns the fields of a map, and behind them those that are merged into it. It follows
// aliases: unlike the provider's own texts, objects of Kubernetes may have them.
func pairs(n *yamlnode.Node) (all []pair) { return pairsTo(n, mostMerged) }

func pairsTo(n *yamlnode.Node, depth int) (all []pair) {
	if n = yamlnode.Resolve(n); n == nil || n.Kind != yamlnode.Map {
		return nil
	}
	var merged []pair
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], yamlnode.Resolve(n.Content[i+1])
		if !yamlnode.IsMerge(key) {
			all = append(all, pair{key, value})
			continue
		}
		sources := elements(value)
		if sources == nil {
			sources = []*yamlnode.Node{value}
		}
		for _, source := range sources {
			if depth > 0 {
				merged = append(merged, pairsTo(source, depth-1)...)
			}
		}
	}
	return append(all, merged...)
}

// field returns the value of a field of a map, nil if there is none.
func field(n *yamlnode.Node, name string) *yamlnode.Node {
	_, value := entry(n, name)
	return value
}

// entry returns the key and the value of a field of a map.
func entry(n *yamlnode.Node, name string) (key, value *yamlnode.Node) {
	if n = yamlnode.Resolve(n); n == nil || n.Kind != yamlnode.Map {
		return nil, nil
	}
	merges := false
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i], yamlnode.Resolve(n.Content[i+1])
		}
		merges = merges || yamlnode.IsMerge(n.Content[i])
	}
	if merges {
		for _, p := range pairs(n) {
			if p.key.Value == name {
				return p.key, p.value
			}
		}
	}
	return nil, nil
}

// elements returns the elements of a list, none if it is no list.
func elements(n *yamlnode.Node) (all []*yamlnode.Node) {
	if n = yamlnode.Resolve(n); n == nil || n.Kind != yamlnode.List {
		return nil
	}
	for _, element := range n.Content {
		all = append(all, yamlnode.Resolve(element))
	}
	return all
}
