package lint

import (
	"strings"

	"ovhcloud-csi-provider/provider/yamlnode"
)

// object is a Kubernetes object, or anything else that a document holds.
type object struct {
	source Source
	node   *yamlnode.Node
}

// at returns the node at a path of fields, nil if there is none.
func (o *object) at(path ...string) *yamlnode.Node { return at(o.node, path...) }

// text returns the scalar at a path, "" if there is none.
func (o *object) text(path ...string) string { return text(o.node, path...) }

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

func text(n *yamlnode.Node, path ...string) string {
	if found := at(n, path...); found != nil && found.Kind == yamlnode.Single {
		return found.Value
	}
	return ""
}

// field returns the value of a field of a map, nil if there is none.
func field(n *yamlnode.Node, name string) *yamlnode.Node {
	_, value := entry(n, name)
	return value
}

// entry returns the key and the value of a field of a map.
func entry(n *yamlnode.Node, name string) (key, value *yamlnode.Node) {
	if n == nil || !yamlnode.IsMap(n) {
		return nil, nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i], n.Content[i+1]
		}
	}
	return nil, nil
}

// elements returns the elements of a list, none if it is no list.
func elements(n *yamlnode.Node) []*yamlnode.Node {
	if n == nil || !yamlnode.IsList(n) {
		return nil
	}
	return n.Content
}
