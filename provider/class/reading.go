// SPDX-License-Identifier: Apache-2.0

package class

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/strictmap"
	"ovhcloud-csi-provider/provider/yamlnode"
)

// entry is an entry of the list while it is read.
type entry struct {
	*failure.List
	where  string
	object Object
}

// eachField calls field for each valid field of a map. advise returns "" for a valid name, else what
// to do about it, before which what stands.
func (e *entry) eachField(n *yamlnode.Node, where, what string, advise func(name string) string,
	field func(key, value *yamlnode.Node)) {
	strictmap.Map{
		Stop: e.Stop,
		Unknown: func(key *yamlnode.Node) string {
			if advice := advise(key.Value); advice != "" {
				return what + cmp.Or(holds(key), advice)
			}
			return ""
		},
		Wrong: func(key *yamlnode.Node, name, what string) {
			e.At(key.Line)
			e.Add(e.object.Number, failure.Invalid, strings.TrimSuffix(where+"."+name, "."), "%s", what)
		},
	}.Each(n, func(key, value *yamlnode.Node) {
		e.At(key.Line)
		field(key, value)
	})
}

// member is a field of a map within an object.
type member struct {
	name     string
	required bool
	// set reads its text. read takes its place for a map.
	set  func(text string) error
	read func(where string, n *yamlnode.Node)
}

// readMap reads a map within an object.
func (e *entry) readMap(where string, n *yamlnode.Node, members []member) {
	if !yamlnode.IsMap(n) {
		e.Field(e.object.Number, where, fmt.Errorf("is %s, not a map of fields", yamlnode.Describe(n)))
		return
	}
	line, given := n.Line, map[string]bool{}
	index := func(name string) int { return slices.IndexFunc(members, func(m member) bool { return m.name == name }) }
	e.eachField(n, where, "unknown field; ", func(name string) string {
		if index(name) >= 0 {
			return ""
		}
		advice, meant := unknownMember(name, members)
		e.Misspelt(where + "." + meant)
		return advice
	}, func(key, value *yamlnode.Node) {
		m := members[index(key.Value)]
		given[m.name] = true
		if m.read != nil {
			m.read(where+"."+m.name, value)
		} else if err := setField(value, m.set); err != nil {
			e.Field(e.object.Number, where+"."+m.name, err)
		}
	})
	e.At(line)
	for _, m := range members {
		if m.required && !given[m.name] {
			e.Field(e.object.Number, where+"."+m.name, message.ErrMissing)
		}
	}
}

// holds returns the character in the name of a field that is not what it looks like, "" if
// there is none.
func holds(key *yamlnode.Node) string {
	if odd := yamlnode.OddSign(key); odd != "" {
		return "it holds " + odd
	}
	return ""
}

// setField reads the value of a field. The error names a character in it that is not what
// it looks like.
func setField(value *yamlnode.Node, set func(text string) error) error {
	text, err := yamlnode.Scalar(value)
	if err == nil {
		err = set(text)
	}
	if odd := yamlnode.OddSign(value); odd != "" && err != nil {
		return fmt.Errorf("%w; it holds %s", err, odd)
	}
	return err
}
