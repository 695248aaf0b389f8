// SPDX-License-Identifier: Apache-2.0

package class

import (
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"ovhcloud-csi-provider/provider/encoding"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/nearest"
	"ovhcloud-csi-provider/provider/strictmap"
	"ovhcloud-csi-provider/provider/yamlnode"
)

// parseObject reads one entry of the list. It adds all mistakes to c.
func parseObject(n *yamlnode.Node, number int, defaultMode fs.FileMode, c *failure.List) Object {
	e := &entry{c, fmt.Sprintf("objects[%d]", number),
		Object{Number: number, Mode: defaultMode, Encoding: encoding.UTF8, line: n.Line, given: map[string]int{}}}
	c.At(n.Line)
	if sign, isText := yamlnode.IsText(n); isText {
		c.Add(number, failure.Invalid, e.where, "is a text, not a map of fields; %s", dropSign(sign))
		return e.object
	}
	if !yamlnode.IsMap(n) {
		c.Add(number, failure.Invalid, e.where, "is %s, not a map of fields%s", yamlnode.Describe(n), asEntry(n))
		return e.object
	}
	known := sync.OnceValue(func() nearest.Vocabulary { // which most objects do not need
		return nearest.Vocabulary{Valid: fieldNames(), Synonyms: fieldSynonyms(), Taken: fieldsOf(n),
			Conflicts: fieldConflicts()}
	})
	e.eachField(n, e.where, "unknown field; ", func(name string) string {
		if _, valid := fieldOf(name); valid {
			return ""
		}
		advice, meant := adviseField(known(), name)
		c.Misspelt(e.where + "." + meant)
		return advice
	}, e.field)
	e.setTemplate()
	c.At(n.Line)
	if !slices.ContainsFunc([]string{"secretPath", "find", "secrets", "template"}, e.object.has) {
		e.Field(number, e.where+".secretPath", missingPath(e.object))
	}
	return e.object
}

// field reads one field of the object.
func (e *entry) field(key, value *yamlnode.Node) {
	f, _ := fieldOf(key.Value)
	if f.MayBeEmpty && yamlnode.IsEmpty(value) {
		return // and has no meaning
	}
	e.object.given[f.Name] = key.Line
	if f.read != nil {
		f.read(e, e.where+"."+f.Name, value)
		return
	}
	if err := setField(value, func(text string) error { return f.set(&e.object, text) }); err != nil {
		e.Field(e.object.Number, e.where+"."+f.Name, err)
	}
}

// missingPath returns the error for an object that names no secret. Users of the azure and
// aws providers expect objectName to do it.
func missingPath(o Object) error {
	if o.ObjectName != "" {
		return fmt.Errorf("%w; it names the secret, and objectName the file", message.ErrMissing)
	}
	return message.ErrMissing
}

// asEntry returns how to write an entry that is only the path of a secret.
func asEntry(n *yamlnode.Node) string {
	if n.Kind == yamlnode.Single && n.Anchor == "" && PathError(n.Value) == nil {
		return "; write - secretPath: " + n.Value
	}
	return ""
}

// dropSign returns the cure for an entry that is a text, by the character that makes it
// one.
func dropSign(sign string) string {
	if sign == "|" || sign == ">" {
		return "drop the " + sign + " behind the dash"
	}
	return "drop the quotes around the entry"
}

// fieldsOf returns the names of an object's fields. allKeys: false is as if it were not given.
func fieldsOf(n *yamlnode.Node) map[string]bool {
	fields := strictmap.Names(n)
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "allKeys" && n.Content[i+1].Value == "false" {
			fields["allKeys"] = false
		}
	}
	return fields
}
