package class

import (
	"fmt"
	"io/fs"

	"ovhcloud-csi-provider/provider/encoding"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/nearest"
	"ovhcloud-csi-provider/provider/yamlnode"
)

// parseObject reads one entry of the list. All that is wrong with it is added to c.
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
	known := nearest.Vocabulary{Valid: fieldNames(), Synonyms: FieldSynonyms(), Taken: fieldsOf(n), Conflicts: fieldConflicts}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if c.Stop() {
			break
		}
		key, value := n.Content[i], n.Content[i+1]
		c.At(key.Line)
		at := where + "." + message.Name(key.Value)
		set, valid := objectFields[key.Value]
		switch {
		case !yamlnode.IsName(key):
			c.Add(number, failure.Invalid, where, "the name of a field is %s, not a word", yamlnode.Describe(key))
		case !valid:
			advice, meant := adviseField(known, key.Value)
			if odd := yamlnode.OddSign(key); odd != "" {
				advice = "it holds " + odd
			}
			c.Add(number, failure.Invalid, at, "unknown field; %s", advice)
			c.Misspelt(where + "." + meant)
		case o.given[key.Value] > 0:
			c.Add(number, failure.Invalid, at, "is given twice; drop one of them")
		case mayBeEmpty[key.Value] && yamlnode.IsEmpty(value):
			o.given[key.Value] = key.Line // and has no meaning
		default:
			o.given[key.Value] = key.Line
			if err := setField(&o, value, set); err != nil {
				c.Field(number, at, err)
			}
		}
	}
	c.At(n.Line)
	if o.given["secretPath"] == 0 {
		c.Field(number, where+".secretPath", missingPath(o))
	}
	return o
}

// setField reads the value of a field. The error says if a sign in it is not what it looks
// like.
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

// missingPath is the error where an object names no secret. Users of the azure and aws
// providers take objectName for it.
func missingPath(o Object) error {
	if o.ObjectName != "" {
		return fmt.Errorf("%w; it names the secret, and objectName the file", message.ErrMissing)
	}
	return message.ErrMissing
}

// asEntry says how to write an entry that is the path of a secret alone.
func asEntry(n *yamlnode.Node) string {
	if n.Kind == yamlnode.Single && n.Anchor == "" && PathError(n.Value) == nil {
		return "; write - secretPath: " + n.Value
	}
	return ""
}

// dropSign is the cure for an entry that is a text, by the sign that makes it one.
func dropSign(sign string) string {
	if sign == "|" || sign == ">" {
		return "drop the " + sign + " behind the dash"
	}
	return "drop the quotes around the entry"
}

// fieldsOf is the names of an object's fields. allKeys: false is as if it were not given.
func fieldsOf(n *yamlnode.Node) map[string]bool {
	fields := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i].Value
		fields[name] = fields[name] || name != "allKeys" || n.Content[i+1].Value != "false"
	}
	return fields
}
