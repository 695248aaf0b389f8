// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"ovhcloud-csi-provider/provider/certificate"
	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/encoding"
	"ovhcloud-csi-provider/provider/format"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/place"
)

// Patterns in the syntax that Go and JavaScript share.
const (
	pathPattern = `^[a-zA-Z0-9_.:=@-]+(/[a-zA-Z0-9_.:=@-]+)*$`
	dotSegments = `(^|/)\.\.?(/|$)`
	duration    = `^[+]?(0|([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$`
	octalMode   = `^(0[oO])?0*[4-7][0-7][0-7]$`
	template    = `\{\{`
)

// text returns the schema of a value that is read as it is written: numbers and booleans too.
func text(more schema) schema {
	s := schema{"type": []string{"string", "number", "boolean"}, "minLength": 1}
	for name, value := range more {
		s[name] = value
	}
	return s
}

// secretPath returns the schema of a path in Secret Manager.
func secretPath() schema {
	return text(schema{"pattern": pathPattern, "maxLength": 255, "not": schema{"type": "string", "pattern": dotSegments}})
}

// boolean returns the schema of true or false, which may be in quotes.
func boolean() schema { return schema{"enum": []any{true, false, "true", "false"}} }

// number returns the schema of a number, which may be in quotes.
func number(most int) schema {
	return schema{"anyOf": []schema{{"type": "integer", "minimum": 1, "maximum": most},
		{"type": "string", "pattern": `^[1-9][0-9]*$`}}}
}

// version returns the schema of a version.
func version() schema {
	return schema{"anyOf": []schema{{"enum": []string{"latest", "latest-active"}}, number(okms.MaxVersion)}}
}

// refresh returns the schema of a duration.
func refresh() schema {
	return schema{"anyOf": []schema{{"const": 0}, {"type": "string", "pattern": duration}}}
}

// fieldsOf returns the schema of a map with these fields only.
func fieldsOf(properties schema, required ...string) schema {
	if required == nil {
		required = []string{}
	}
	return schema{"type": "object", "additionalProperties": false, "properties": properties, "required": required}
}

// shapes returns the schema of the value of each field.
func shapes() map[string]schema {
	key := text(schema{"maxLength": class.MaxKey})
	return map[string]schema{
		"secretPath": secretPath(),
		"find": fieldsOf(schema{
			"path": text(schema{"pattern": `^(/|[a-zA-Z0-9_.:=@-]+(/[a-zA-Z0-9_.:=@-]+)*/?)$`,
				"description": "the folder; / is the whole domain"}),
			"regexp": text(schema{"maxLength": 512, "description": "matches the path below the folder (RE2)"}),
		}, "path"),
		"secrets": {"type": "object", "minProperties": 1, "maxProperties": 100,
			"propertyNames": schema{"pattern": `^[a-zA-Z_][a-zA-Z0-9_]*$`},
			"additionalProperties": schema{"anyOf": []schema{secretPath(),
				fieldsOf(schema{"secretPath": secretPath(), "objectVersion": version()}, "secretPath")}}},
		"objectName": text(schema{"pattern": `^[^/]`,
			"not": schema{"type": "string", "pattern": `^\.\.|/$|//|/\.\.?(/|$)|^\./|^\.$|` + template}}),
		"secretKey": key,
		"allKeys":   boolean(),
		"keys":      {"type": "array", "items": key, "minItems": 1, "maxItems": 1000, "uniqueItems": true},
		"format":    {"enum": []format.Format{format.JSON, format.YAML, format.Env, format.Dotenv, format.Properties}},
		"certificate": {"anyOf": []schema{
			fieldsOf(schema{"part": schema{"enum": []certificate.Part{certificate.Leaf, certificate.Chain, certificate.Key,
				certificate.Whole}}}, "part"),
			fieldsOf(schema{"keystore": schema{"enum": []certificate.Keystore{certificate.PKCS12, certificate.JKS}},
				"password": fieldsOf(schema{"secretPath": secretPath(), "secretKey": key, "objectVersion": version()}, "secretPath",
					"secretKey"),
			}, "keystore", "password"),
		}},
		"template":             text(nil),
		"objectVersion":        version(),
		"objectVersionHistory": number(100),
		"encoding": {"enum": []encoding.Encoding{encoding.UTF8, encoding.Base64, encoding.Base64URL,
			encoding.Hex}},
		"filePermission": {"anyOf": []schema{{"type": "string", "pattern": octalMode},
			{"type": "integer", "minimum": 0o400, "maximum": 777}}},
		"optional":        boolean(),
		"refreshInterval": refresh(),
		"connection":      text(nil),
	}
}

// parameters returns the schema of the parameters of a class. Kubernetes takes texts only.
func parameters() schema {
	const uuid = `[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`
	of := func(doc string, more schema) schema {
		s := schema{"type": "string", "description": doc}
		for name, value := range more {
			s[name] = value
		}
		return s
	}
	domain := []string{place.FieldRegion, place.FieldEndpoint, place.FieldOKMSID, place.FieldCABundle, place.FieldAPI}
	var without []schema
	for _, name := range domain {
		without = append(without, schema{"required": []string{name}})
	}
	properties := schema{
		place.FieldRegion: of("the region of the OKMS domain",
			schema{"pattern": `^\s*[a-zA-Z]{2,}-[a-zA-Z]+-[a-zA-Z]{2,}[0-9]*\s*$`, "examples": place.KnownRegions()}),
		place.FieldEndpoint: of("instead of region: https://<host>, or https://<host>/api/<okmsId>",
			schema{"pattern": `^\s*[hH][tT][tT][pP][sS]?://[^/]+(/api/[^/]+)?/*\s*$`}),
		place.FieldOKMSID: of("the UUID of the OKMS domain; not needed if endpoint contains it",
			schema{"pattern": `^\s*` + uuid + `\s*$`}),
		place.FieldCABundle: of("PEM certificates to trust, added to the system's",
			schema{"pattern": "-----BEGIN CERTIFICATE-----"}),
		place.FieldAPI: of("the API to read with: kv2 (default) or rest", schema{"enum": []string{"kv2", "rest"}}),
		class.ParamConnection: of("the name of a connection that the provider holds, instead of region, endpoint, okmsId, "+
			"caBundle and api",
			schema{"minLength": 1}),
		"refreshInterval": of("how old a value may be for a pod that has the volume already, such as 30m; at most 168h",
			schema{"pattern": duration + "|^$"}),
		class.ParamObjects: of("a YAML list of the objects to mount, as a text: ovhcsi schema objects prints its schema",
			schema{"minLength": 1, "contentMediaType": "application/yaml"}),
	}
	return schema{"type": "object", "additionalProperties": false, "properties": properties,
		"required": []string{class.ParamObjects}, "allOf": []schema{
			{"not": schema{"required": []string{place.FieldRegion, place.FieldEndpoint}},
				"errorMessage": "region cannot be combined with endpoint"},
			{"if": schema{"required": []string{class.ParamConnection}}, "then": schema{"not": schema{"anyOf": without}},
				"errorMessage": "a connection has its own region, endpoint, okmsId, caBundle and api"},
			{"if": schema{"anyOf": without}, "then": schema{"anyOf": without[:2]},
				"errorMessage": "region or endpoint is missing"},
			{"if": schema{"required": []string{place.FieldRegion}}, "then": schema{"required": []string{place.FieldOKMSID}},
				"errorMessage": "okmsId is missing"},
			{"if": schema{"anyOf": without[:2]}, "then": schema{"anyOf": []schema{without[2],
				{"required": []string{place.FieldEndpoint},
					"properties": schema{place.FieldEndpoint: schema{"pattern": "/api/"}}}}}, "errorMessage": "okmsId is missing"},
		}}
}
