// SPDX-License-Identifier: Apache-2.0

// Package schema has the JSON Schemas (draft 07) of a SecretProviderClass of the provider and of its
// list of objects, for editors. Names, docs and conflicts of fields come from the provider's own
// table.
//
// A schema cannot hold all of the provider's rules: what it refuses is wrong, and what it accepts
// may be wrong too. The provider's own rules are those of ovhcsi lint.
package schema

import (
	"encoding/json"
	"strings"

	"ovhcloud-csi-provider/provider/class"
)

// schema is a JSON Schema.
type schema = map[string]any

// draft is the version of JSON Schema that all editors take.
const draft = "http://json-schema.org/draft-07/schema#"

// JSON returns the text of a schema.
func JSON(s map[string]any) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	_ = enc.Encode(s) // maps of texts, lists and maps
	return b.String()
}

// Objects returns the schema of the list in the parameter objects.
func Objects() map[string]any {
	properties := schema{}
	for _, f := range class.Fields() {
		of, has := shapes()[f.Name]
		if !has {
			panic("the field " + f.Name + " has no shape in shapes.go") // a test makes all schemas
		}
		if f.MayBeEmpty {
			of = schema{"anyOf": []schema{of, {"type": "null"}, {"const": ""}}}
		}
		of["description"] = f.Doc
		properties[f.Name] = of
	}
	return schema{
		"$schema": draft, "title": "objects of a SecretProviderClass of the OVHcloud provider",
		"type": "array", "minItems": 1, "maxItems": class.MaxObjects,
		"items": schema{"type": "object", "additionalProperties": false, "properties": properties, "allOf": rules()},
	}
}

// rules returns what the fields of an object need of each other.
func rules() (all []schema) {
	for _, f := range class.Fields() {
		for _, other := range f.Conflicts {
			all = append(all, schema{"not": schema{"allOf": []schema{has(f), has(field(other))}},
				"errorMessage": f.Name + " cannot be combined with " + other})
		}
	}
	needs := func(name string, others ...string) {
		var any []schema
		for _, other := range others {
			any = append(any, has(field(other)))
		}
		all = append(all,
			schema{"if": has(field(name)), "then": schema{"anyOf": any},
				"errorMessage": name + " needs " + strings.Join(others, " or ")})
	}
	needs("template", "secrets")
	needs("template", "objectName")
	needs("secrets", "template")
	needs("keys", "format", "certificate")
	needs("certificate", "secretKey", "keys")
	needs("encoding", "secretKey", "allKeys", "certificate")
	return append(all,
		schema{"anyOf": []schema{{"required": []string{"secretPath"}}, {"required": []string{"find"}},
			{"required": []string{"secrets"}},
			{"required": []string{"template"}}}, "errorMessage": "secretPath is missing"})
}

// field returns a field of the table.
func field(name string) class.Field {
	for _, f := range class.Fields() {
		if f.Name == name {
			return f
		}
	}
	panic("no field " + name)
}

// has returns the schema of an object that has a field with a meaning.
func has(f class.Field) schema {
	var without schema
	switch {
	case f.MayBeEmpty:
		without = schema{"enum": []any{nil, ""}}
	case f.Name == "allKeys":
		without = schema{"enum": []any{false, "false"}}
	case f.Name == "encoding":
		without = schema{"const": "utf-8"}
	default:
		return schema{"required": []string{f.Name}}
	}
	return schema{"required": []string{f.Name}, "properties": schema{f.Name: schema{"not": without}}}
}

// Class returns the schema of a SecretProviderClass. It accepts objects of other kinds and of other
// providers, so that it can be used for files with several documents.
func Class() map[string]any {
	ours := schema{"if": schema{"properties": schema{"provider": schema{"const": "ovhcloud"}}}, "then": schema{
		"required": []string{"provider", "parameters"}, "properties": schema{"parameters": parameters()}},
		"properties": schema{"provider": schema{"type": "string"}, "parameters": schema{"type": "object"},
			"secretObjects": secretObjects()}}
	return schema{
		"$schema": draft, "title": "SecretProviderClass of the OVHcloud provider", "type": "object",
		"if": schema{"required": []string{"kind"}, "properties": schema{"kind": schema{"const": "SecretProviderClass"}}},
		"then": schema{"required": []string{"apiVersion", "metadata", "spec"}, "properties": schema{
			"apiVersion": schema{"enum": []string{"secrets-store.csi.x-k8s.io/v1", "secrets-store.csi.x-k8s.io/v1alpha1"}},
			"metadata":   schema{"type": "object"},
			"spec":       ours,
		}},
	}
}

// secretObjects returns the schema of the Secrets that the driver mirrors.
func secretObjects() schema {
	text := schema{"type": "string"}
	texts := schema{"type": "object", "additionalProperties": text}
	return schema{"type": "array", "items": schema{"type": "object", "additionalProperties": false, "properties": schema{
		"secretName": text, "type": text, "labels": texts, "annotations": texts,
		"data": schema{"type": "array", "items": schema{"type": "object", "additionalProperties": false, "properties": schema{
			"objectName": schema{"type": "string", "description": "the path of a file in the volume"},
			"key":        schema{"type": "string", "description": "the key in the Secret"}}}}}}}
}
