// SPDX-License-Identifier: Apache-2.0

package class

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"ovhcloud-csi-provider/provider/certificate"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/nearest"
	"ovhcloud-csi-provider/provider/template"
	"ovhcloud-csi-provider/provider/yamlnode"
)

// Limits of what one object may name.
const (
	maxSources = 100
	maxKeys    = 1000
)

// readKeys reads a list of keys.
func readKeys(e *entry, where string, n *yamlnode.Node) {
	if !yamlnode.IsList(n) {
		e.Field(e.object.Number, where, fmt.Errorf("is %s, not a list; write [first, second]", yamlnode.Describe(n)))
		return
	}
	switch {
	case len(n.Content) == 0:
		e.Field(e.object.Number, where, errors.New("is an empty list"))
	case len(n.Content) > maxKeys:
		e.Field(e.object.Number, where, fmt.Errorf("has %d keys; at most %d are read", len(n.Content), maxKeys))
		return
	}
	known := map[string]bool{}
	for i, value := range n.Content {
		e.At(value.Line)
		key, err := yamlnode.Scalar(value)
		switch {
		case err == nil && len(key) > MaxKey:
			err = fmt.Errorf("is %d bytes long; at most %d are read", len(key), MaxKey)
		case err == nil && known[key]:
			err = fmt.Errorf("names the key %s again; drop one of them", message.Quote(key))
		}
		if err != nil {
			e.Field(e.object.Number, fmt.Sprintf("%s[%d]", where, i), err)
			continue
		}
		known[key] = true
		e.object.Keys = append(e.object.Keys, key)
	}
}

// sourceName matches the names that a template can write behind a dot.
var sourceName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// readSecrets reads the secrets of a template by their names. Each is a path, or a map of fields.
func readSecrets(e *entry, where string, n *yamlnode.Node) {
	wrong := func(where string, format string, args ...any) {
		e.Field(e.object.Number, where, fmt.Errorf(format, args...))
	}
	switch {
	case !yamlnode.IsMap(n):
		wrong(where, "is %s, not a map of names and paths; write {name: path/of/the/secret}", yamlnode.Describe(n))
		return
	case len(n.Content) == 0:
		wrong(where, "names no secret")
		return
	case len(n.Content)/2 > maxSources:
		wrong(where, "names %d secrets; at most %d are read", len(n.Content)/2, maxSources)
		return
	}
	e.eachField(n, where, "", func(name string) string {
		if sourceName.MatchString(name) {
			return ""
		}
		return "a template cannot name it; use letters, digits and _, and no digit first"
	}, func(key, value *yamlnode.Node) {
		source := Source{Name: key.Value}
		at := where + "." + key.Value
		if yamlnode.IsMap(value) {
			e.readMap(at, value, source.members())
		} else if err := setField(value, source.setPath); err != nil {
			e.Field(e.object.Number, at, err)
		}
		e.object.More = append(e.object.More, source)
	})
}

// members are the fields of a source that is written as a map.
func (s *Source) members() []member {
	return []member{
		{name: "secretPath", required: true, set: s.setPath},
		{name: "objectVersion", set: func(v string) (err error) { s.Version, err = parseVersion(v); return err }},
	}
}

func (s *Source) setPath(v string) error {
	s.Path = v
	if err := CheckSecretPath(v); err != nil {
		return fmt.Errorf("%s %w", message.Quote(v), err)
	}
	return nil
}

// readCertificate reads what is made of PEM.
func readCertificate(e *entry, where string, n *yamlnode.Node) {
	c := &Certificate{}
	e.object.Certificate = c
	password, given := Source{Name: PasswordSource}, false
	e.readMap(where, n, []member{
		{name: "part", set: func(v string) (err error) { c.Part, err = certificate.ParsePart(v); return err }},
		{name: "keystore", set: func(v string) (err error) { c.Keystore, err = certificate.ParseKeystore(v); return err }},
		{name: "password", read: func(where string, n *yamlnode.Node) {
			given = true
			key := member{name: "secretKey", required: true, set: func(v string) error { c.PasswordKey = v; return checkKey(v) }}
			e.readMap(where, n, append(password.members(), key))
		}},
	})
	e.At(n.Line)
	field := func(name, what string) { e.Field(e.object.Number, where+name, errors.New(what)) }
	switch {
	case !yamlnode.IsMap(n):
	case slices.Contains(memberNames(n), "part") && slices.Contains(memberNames(n), "keystore"):
		field("", "part and keystore cannot be combined; use an object for each")
	case len(memberNames(n)) == 0 || given && c.Keystore == "" && c.Part != "":
		field("", "wants part, or keystore with password")
	case c.Keystore != "" && !given:
		field(".password", "is missing; a keystore needs one: {secretPath: …, secretKey: …}")
	}
	if given {
		e.object.More = append(e.object.More, password)
	}
}

func memberNames(n *yamlnode.Node) (names []string) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		names = append(names, n.Content[i].Value)
	}
	return names
}

// setTemplate parses the template of an object when its secrets are known.
func (e *entry) setTemplate() {
	o := &e.object
	if !o.has("template") || !o.has("secrets") || len(o.More) == 0 {
		return // what is wrong with its secrets is told
	}
	var names []string
	for _, source := range o.More {
		names = append(names, source.Name)
	}
	parsed, err := template.Parse(o.TemplateText, names)
	if err != nil {
		e.At(o.LineOf("template"))
		e.Add(o.Number, failure.Invalid, e.where+".template", "%s", err)
		return
	}
	o.Template = parsed
}

// unknownMember returns what to do about a field that a map does not have.
func unknownMember(name string, members []member) (advice, meant string) {
	var names []string
	for _, m := range members {
		names = append(names, m.name)
	}
	return nearest.Suggestion(name, names), nearest.Name(name, names)
}
