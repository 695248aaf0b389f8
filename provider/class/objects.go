package class

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"ovhcloud-csi-provider/provider/encoding"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/nearest"
	"ovhcloud-csi-provider/provider/yamlnode"
)

// Bounds of the parameter objects: its text in bytes, its entries, and a key or path of
// one in bytes.
const (
	maxObjectsText = 256 << 10
	// A list of maxObjects entries with all fields has 18,000 of the signs that end a node.
	maxSigns   = 30_000
	MaxObjects = 1000
	MaxKey     = 1024
)

// parseObjects reads the YAML list. An object with a wrong field is left out of
// the result, after all its wrong fields were collected.
func parseObjects(text string, defaultMode fs.FileMode, c *failure.List) []Object {
	if len(text) > maxObjectsText {
		c.Parameter(ParamObjects, "is %d bytes long; at most %d are read; split the list over several classes", len(text), maxObjectsText)
		return nil
	}
	if n := countSigns(text); n > maxSigns {
		c.Parameter(ParamObjects, "has %d commas, colons, brackets and line breaks; at most %d are read; split the list over several classes", n, maxSigns)
		return nil
	}
	list, err := parseList(text)
	if err != nil {
		c.Parameter(ParamObjects, "%s", err)
		return nil
	}
	if len(list) > MaxObjects {
		c.Parameter(ParamObjects, "has %d entries; at most %d are read; split the list over several classes", len(list), MaxObjects)
		return nil
	}
	var objects []Object
	for number, node := range list {
		if c.Stop() {
			break
		}
		before := c.Len()
		o := parseObject(node, number, defaultMode, c)
		if c.Len() == before {
			objects = append(objects, o)
		}
	}
	c.At(0)
	return objects
}

// ParsingTakes returns about how many bytes of memory a list of objects takes while it is
// read.
func ParsingTakes(text string) int64 {
	const perNode = 400
	return 64<<10 + 4*int64(len(text)) + perNode*int64(min(countSigns(text), maxSigns))
}

// countSigns counts what ends or begins a node of YAML: it has no more nodes than these.
func countSigns(text string) (n int) {
	for i := range len(text) {
		switch text[i] {
		case '\n', ',', ':', '[', '{':
			n++
		}
	}
	return n
}

// parseList reads one YAML document that is a list.
func parseList(text string) ([]*yamlnode.Node, error) {
	list, err := yamlnode.Document(text)
	switch {
	case errors.Is(err, yamlnode.ErrEmpty):
		return nil, errors.New("is empty; it lists the secrets to mount")
	case err != nil:
		return nil, err
	case !yamlnode.IsList(list) && yamlnode.Mistake(text) != nil:
		return nil, yamlnode.Mistake(text)
	case !yamlnode.IsList(list):
		return nil, fmt.Errorf("is %s, not a YAML list; %s", yamlnode.Describe(list), asList(list))
	case len(list.Content) == 0:
		return nil, errors.New("is an empty list; it lists the secrets to mount")
	}
	// Looked at once: the list may be long.
	if slices.ContainsFunc(list.Content, isPlain) {
		if err := yamlnode.Mistake(text); err != nil {
			return nil, err
		}
	}
	return list.Content, nil
}

// isPlain says whether an entry is a single value without quotes: most likely fields that
// YAML did not see.
func isPlain(entry *yamlnode.Node) bool {
	_, isText := yamlnode.IsText(entry)
	return !isText && entry.Kind == yamlnode.Single
}

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

// asList says how to make a list of what is none. The azure provider has its list in a map.
func asList(n *yamlnode.Node) string {
	if yamlnode.IsMap(n) && len(n.Content) == 2 && n.Content[1].Kind == yamlnode.List {
		return fmt.Sprintf("drop the line %s: above the entries, and a | behind their dashes", message.Name(n.Content[0].Value))
	}
	return "each entry begins with a dash: - secretPath: …"
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
