package provider

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"ovhcloud-csi-provider/provider/okms"
)

// object is one entry of the parameter objects.
type object struct {
	number     int // from 0
	secretPath string
	objectName string // "" = by default
	secretKey  string // "" = none
	allKeys    bool
	version    int // 0 = the latest
	encoding   encoding
	mode       fs.FileMode
	optional   bool
	given      map[string]bool // the fields that stand there
}

// maxObjects bounds the text of objects in bytes. A thousand objects take a
// tenth of it.
const maxObjects = 256 << 10

// parseObjects reads the YAML list. An object with a wrong field is left out of
// the result, after all its wrong fields were collected.
func parseObjects(text string, defaultMode fs.FileMode, c *collector) []object {
	if len(text) > maxObjects {
		c.parameter(paramObjects, "is %d bytes long; at most %d are read; split the list over several classes", len(text), maxObjects)
		return nil
	}
	list, err := parseList(text)
	if err != nil {
		c.parameter(paramObjects, "%s", err)
		return nil
	}
	var objects []object
	for number, node := range list {
		before := len(c.failures)
		o := parseObject(node, number, defaultMode, c)
		if len(c.failures) == before {
			objects = append(objects, o)
		}
	}
	return objects
}

// parseList reads one YAML document that is a list. Nodes are read, not values,
// so that no alias is ever expanded and no number ever converted.
func parseList(text string) ([]*yaml.Node, error) {
	dec := yaml.NewDecoder(strings.NewReader(text))
	var document, more yaml.Node
	if err := dec.Decode(&document); errors.Is(err, io.EOF) {
		return nil, errors.New("is empty; it lists the secrets to mount")
	} else if err != nil {
		return nil, yamlError(err, text)
	}
	if err := dec.Decode(&more); err == nil {
		return nil, errors.New("holds more than one YAML document (---)")
	} else if !errors.Is(err, io.EOF) {
		return nil, yamlError(err, text)
	}
	list := document.Content[0]
	if list.Kind != yaml.SequenceNode {
		return nil, fmt.Errorf("is %s, not a YAML list; each entry begins with a dash: - secretPath: …", kindOfYAML(list))
	}
	if len(list.Content) == 0 {
		return nil, errors.New("is an empty list; it lists the secrets to mount")
	}
	return list.Content, nil
}

// yamlError is the YAML library's message, and what it fails to say of tabs.
func yamlError(err error, text string) error {
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	for i, line := range strings.Split(text, "\n") {
		if indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]; strings.Contains(indent, "\t") {
			return fmt.Errorf("is not YAML: line %d is indented with a tab; YAML wants spaces", i+1)
		}
	}
	return fmt.Errorf("is not YAML: %s", bounded(message, 200))
}

func kindOfYAML(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a map"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.AliasNode:
		return "an alias"
	case n.Tag == "!!null":
		return "empty"
	}
	return "a single value"
}

func parseObject(n *yaml.Node, number int, defaultMode fs.FileMode, c *collector) object {
	where := fmt.Sprintf("objects[%d]", number)
	o := object{number: number, mode: defaultMode, encoding: utf8Text, given: map[string]bool{}}
	if n.Kind != yaml.MappingNode || n.Anchor != "" {
		c.add(number, Invalid, where, "is %s, not a map of fields", anchored(n))
		return o
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := where + "." + bounded(key.Value, 80)
		set, known := objectFields[key.Value]
		switch {
		case key.Kind != yaml.ScalarNode || key.Anchor != "":
			c.add(number, Invalid, where, "the name of a field is %s, not a word", anchored(key))
		case !known:
			c.add(number, Invalid, at, "unknown field; %s", suggestion(key.Value, fieldNames()))
		case o.given[key.Value]:
			c.add(number, Invalid, at, "stands twice in the object")
		default:
			o.given[key.Value] = true
			if err := setField(&o, set, value); err != nil {
				c.add(number, Invalid, at, "%s", err)
			}
		}
	}
	if !o.given["secretPath"] {
		c.add(number, Invalid, where+".secretPath", "is missing")
	}
	return o
}

func anchored(n *yaml.Node) string {
	if n.Anchor != "" {
		return "an anchor (&" + bounded(n.Anchor, 20) + ")"
	}
	return kindOfYAML(n)
}

// setField hands the value as it is written to the field: 0440, "0440" and
// '0440' are the same, and so are 3 and "3".
func setField(o *object, set func(*object, string) error, value *yaml.Node) error {
	switch {
	case value.Kind == yaml.AliasNode || value.Anchor != "":
		return errors.New("anchors and aliases are not supported here")
	case value.Kind != yaml.ScalarNode:
		return fmt.Errorf("is %s; want a single value", kindOfYAML(value))
	case value.Tag == "!!null" || value.Value == "":
		return errors.New("is empty")
	case !slices.Contains([]string{"!!str", "!!int", "!!float", "!!bool", "!!timestamp"}, value.Tag):
		return fmt.Errorf("has the YAML tag %s; want a plain value", quoted(value.Tag))
	}
	return set(o, value.Value)
}

// objectFields is every field of an object with what reads it.
var objectFields = map[string]func(*object, string) error{
	"secretPath": func(o *object, v string) error {
		o.secretPath = v
		if err := checkSecretPath(v); err != nil {
			return fmt.Errorf("%s %w", quoted(v), err)
		}
		return nil
	},
	"objectName": func(o *object, v string) error {
		o.objectName = v
		if err := checkFileName(v); err != nil {
			return fmt.Errorf("%s %w", quoted(v), err)
		}
		return nil
	},
	"secretKey": func(o *object, v string) error {
		o.secretKey = v
		if len(v) > 1024 {
			return fmt.Errorf("is %d bytes long; at most 1024 are read", len(v))
		}
		return nil
	},
	"allKeys":        func(o *object, v string) (err error) { o.allKeys, err = parseBool(v); return err },
	"optional":       func(o *object, v string) (err error) { o.optional, err = parseBool(v); return err },
	"objectVersion":  func(o *object, v string) (err error) { o.version, err = parseVersion(v); return err },
	"encoding":       func(o *object, v string) (err error) { o.encoding, err = parseEncoding(v); return err },
	"filePermission": func(o *object, v string) (err error) { o.mode, err = parseMode(v); return err },
}

func fieldNames() []string { return slices.Sorted(maps.Keys(objectFields)) }

func parseBool(v string) (bool, error) {
	switch v {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, fmt.Errorf("%s is neither true nor false", quoted(v))
}

func parseVersion(v string) (int, error) {
	if v == "latest" {
		return 0, nil
	}
	n, err := strconv.ParseUint(v, 10, 32)
	if err != nil || v[0] == '0' && len(v) > 1 || n < 1 || n > okms.MaxVersion {
		return 0, fmt.Errorf("%s is neither a version number from 1 to %d nor latest", quoted(v), okms.MaxVersion)
	}
	return int(n), nil
}

// parseMode reads octal digits with or without a leading 0 or 0o.
func parseMode(v string) (fs.FileMode, error) {
	n, err := strconv.ParseUint(strings.TrimPrefix(v, "0o"), 8, 32)
	if err != nil || n > 0o777 {
		return 0, fmt.Errorf("%s is not an octal file mode from 0 to 0777", quoted(v))
	}
	return fs.FileMode(n), nil
}
