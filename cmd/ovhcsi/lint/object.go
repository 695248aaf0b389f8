// SPDX-License-Identifier: Apache-2.0

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
func (o *object) at(path ...string) *yamlnode.Node { return yamlnode.At(o.node, path...) }

// text returns the scalar at a path, "" if there is none.
func (o *object) text(path ...string) string { return yamlnode.TextAt(o.node, path...) }

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
