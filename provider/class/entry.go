package class

import (
	"cmp"
	"fmt"
	"io/fs"
	"strings"

	"ovhcloud-csi-provider/provider/encoding"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/nearest"
	"ovhcloud-csi-provider/provider/strictmap"
	"ovhcloud-csi-provider/provider/yamlnode"
)

// parseObject reads one entry of the list. It adds all mistakes to c.
func parseObject(n *yamlnode.Node, number int, defaultMode fs.FileMode, c *failure.List) Object {
	where := fmt.Sprintf("objects[%d]", number)
	o := Object{Number: number, Mode: defaultMode, Encoding: encoding.UTF8, line: n.Line, given: map[string]int{}}
	c.At(n.Line)
	if sign, isText := yamlnode.IsText(n); isText {
		c.Add(number, failure.Invalid, where, "is a text, not a map of fields; %s", dropSign(sign))
		return o
	}
	if !yamlnode.IsMap(n) {
		c.Add(number, failure.Invalid, where, "is %s, not a map of fields%s", yamlnode.Describe(n), asEntry(n))
		return o
	}
	known := nearest.Vocabulary{Valid: fieldNames(), Synonyms: fieldSynonyms(), Taken: fieldsOf(n), Conflicts: fieldConflicts()}
	strictmap.Map{
		Stop: c.Stop,
		Unknown: func(key *yamlnode.Node) string {
			if _, valid := fieldOf(key.Value); valid {
				return ""
			}
			advice, meant := adviseField(known, key.Value)
			c.Misspelt(where + "." + meant)
			return "unknown field; " + cmp.Or(holds(key), advice)
		},
		Wrong: func(key *yamlnode.Node, name, what string) {
			c.At(key.Line)
			c.Add(number, failure.Invalid, strings.TrimSuffix(where+"."+name, "."), "%s", what)
		},
	}.Each(n, func(key, value *yamlnode.Node) {
		c.At(key.Line)
		o.given[key.Value] = key.Line
		f, _ := fieldOf(key.Value)
		if f.MayBeEmpty && yamlnode.IsEmpty(value) {
			return // and has no meaning
		}
		if err := setField(&o, value, f.set); err != nil {
			c.Field(number, where+"."+message.Name(key.Value), err)
		}
	})
	c.At(n.Line)
	if o.given["secretPath"] == 0 {
		c.Field(number, where+".secretPath", missingPath(o))
	}
	return o
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
func setField(o *Object, value *yamlnode.Node, set func(*Object, string) error) error {
	text, err := yamlnode.Scalar(value)
	if err == nil {
		err = set(o, text)
	}
	if odd := yamlnode.OddSign(value); odd != "" && err != nil {
		return fmt.Errorf("%w; it holds %s", err, odd)
	}
	return err
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
