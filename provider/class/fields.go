// SPDX-License-Identifier: Apache-2.0

package class

import (
	"fmt"
	"slices"
	"strings"

	"ovhcloud-csi-provider/provider/encoding"
	"ovhcloud-csi-provider/provider/format"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/volume"
	"ovhcloud-csi-provider/provider/yamlnode"
)

// Field is a field of an object.
type Field struct {
	Name string
	// Doc says what it means, in Markdown on one line: the table of docs/class.md is made of it.
	Doc string
	// Example is a valid value as YAML.
	Example string
	// Synonyms are names that other programs have for it, separated by spaces.
	Synonyms string
	// Conflicts are the fields before it in the table that it cannot be combined with.
	Conflicts []string
	// MayBeEmpty says that an empty value is as if the field were not given: templates leave
	// it so.
	MayBeEmpty bool
	// set reads a value into the object. The error says what is wrong with it. read takes its
	// place for a map or a list; where names the field in messages.
	set  func(*Object, string) error
	read func(e *entry, where string, n *yamlnode.Node)
}

// fields is every field of an object, in the order of docs/class.md.
var fields = []Field{
	{
		Name: "secretPath", Example: "prod/shop/db",
		Doc:      "the path in Secret Manager, case-sensitive",
		Synonyms: "secretName resourceName secret remoteKey secretId vaultPath keyPath",
		set:      setSecretPath,
	},
	{
		Name: "find", Example: "{path: prod/shop/features/, regexp: \"-on$\"}",
		Doc: "in place of `secretPath`: every secret below the folder `path`, at all levels, whose path below " +
			"it matches `regexp` (RE2; without it, all match). Each becomes a file of that path; with `allKeys` " +
			"a folder. `path: /` is the whole domain. At most 1,000 secrets; none is an error without " +
			"`optional: true`, which also leaves out deactivated ones",
		Synonyms:  "secretsPath folder prefix regex",
		Conflicts: []string{"secretPath"},
		read:      readFind,
	},
	{
		Name: "secrets", Example: "{db: prod/shop/db, tls: {secretPath: prod/shop/tls, objectVersion: 2}}",
		Doc: "in place of `secretPath`: the secrets of a `template`, by the names that it has for them. Each is " +
			"a path, or a map with `secretPath` and `objectVersion`",
		Synonyms:  "sources templateFrom",
		Conflicts: []string{"secretPath", "find"},
		read:      readSecrets,
	},
	{
		Name: "objectName", Example: "db/password",
		Doc: "the file's path in the volume; with `allKeys` or `find` the folder. `secretObjects` refers to it. " +
			"Default: the last segment of `secretKey`, without the backslashes of a path (`tls\\.crt` makes " +
			"`tls.crt`), or of `secretPath`; with `allKeys` or `find` the root. Required if `secretKey` is a path with `#`",
		Synonyms: "objectAlias fileName file path name alias filePath destination target dest as",
		set:      setObjectName,
	},
	{
		Name: "secretKey", Example: "password",
		Doc: "A key of the secret. If no key has exactly this name, it is read as a path into nested JSON: " +
			"`users.kevin.token`, `hosts.0`, `items.#(name==\"x\").value`, `hosts.#.name` (the language of " +
			"`property` in External Secrets Operator, without patterns, counts, modifiers and multipaths). A " +
			"path that finds nothing is an absent key",
		Synonyms:   "property jmesPath extractJSONKey extractYAMLKey jsonPath jsonKey field secretField subKey",
		Conflicts:  []string{"find", "secrets"},
		MayBeEmpty: true,
		set:        setSecretKey,
	},
	{
		Name: "allKeys", Example: "true",
		Doc: "`true`: a file for each top-level key. A key that another object of the class names by " +
			"`secretKey` is left to that object. A key that cannot be a file name is an error that names it",
		Synonyms:  "extract dataFrom all wholeSecret",
		Conflicts: []string{"secrets", "secretKey"},
		set:       func(o *Object, v string) (err error) { o.AllKeys, err = parseBool(v); return err },
	},
	{
		Name: "keys", Example: "[user, password]",
		Doc: "the keys that `format` or `certificate` uses, in this order; each is an existing key, and no " +
			"path. Without it, `format` writes all of them",
		Synonyms:  "secretKeys properties fields",
		Conflicts: []string{"find", "secrets", "secretKey", "allKeys"},
		read:      readKeys,
	},
	{
		Name: "format", Example: "env",
		Doc: "one file of the keys: `json` (default), `yaml`, `env` (`NAME='value'`, as Kubernetes reads it for " +
			"`fileKeyRef`), `dotenv`, or `properties`. A value that the format cannot carry is an error that " +
			"names the key. [docs/formats.md](formats.md) has the rules",
		Synonyms:  "objectFormat outputFormat fileFormat",
		Conflicts: []string{"find", "secrets", "secretKey", "allKeys"},
		set:       func(o *Object, v string) (err error) { o.Format, err = format.Parse(v); return err },
	},
	{
		Name: "certificate", Example: "{part: chain}",
		Doc: "what to make of the PEM in `secretKey` or `keys`: `part` is `leaf`, `chain` (the leaf and those " +
			"above it, in order), `key`, or `bundle` (key and chain); `keystore` is `pkcs12` or `jks`, with " +
			"`password: {secretPath: …, secretKey: …}`. Key and leaf are checked against one another. " +
			"[docs/certificates.md](certificates.md) has examples and errors",
		Synonyms:  "pem tls x509",
		Conflicts: []string{"find", "secrets", "allKeys", "format"},
		read:      readCertificate,
	},
	{
		Name: "template", Example: "'{{ .db.user }}:{{ .db.password | urlquery }}'",
		Doc: "the text of the file, as a Go template over `secrets`: `{{ .db.user }}` is the key `user` of the " +
			"secret that is named `db`. [docs/templates.md](templates.md) has the functions",
		Synonyms:  "stringTemplate data content",
		Conflicts: []string{"secretPath", "find", "secretKey", "allKeys", "keys", "format", "certificate"},
		set:       func(o *Object, v string) error { o.TemplateText = v; return nil },
	},
	{
		Name: "objectVersion", Example: "3",
		Doc: "a version number, `latest` (default), or `latest-active`: the newest version that is not " +
			"deactivated, so that deactivating a bad version rolls back. An empty value is ignored, and so is " +
			"an empty `secretKey`",
		Synonyms:   "version objectVersionLabel versionId versionStage secretVersion versionNumber versionLabel",
		Conflicts:  []string{"secrets"},
		MayBeEmpty: true,
		set:        func(o *Object, v string) (err error) { o.Version, err = parseVersion(v); return err },
	},
	{
		Name: "objectVersionHistory", Example: "2",
		Doc: "the newest active versions, so many of them: `objectName` is a folder with the files `0` (the " +
			"newest), `1` and so on. If the secret has fewer, there are fewer files",
		Synonyms:  "versionHistory history versions",
		Conflicts: []string{"find", "secrets", "objectVersion"},
		set:       func(o *Object, v string) (err error) { o.History, err = parseHistory(v); return err },
	},
	{
		Name: "encoding", Example: "base64",
		Doc: "how the value is encoded in Secret Manager: `utf-8` (default), `base64`, `base64url`, `hex`. The " +
			"file gets the decoded bytes; line breaks within the value are ignored. Only for `secretKey`, " +
			"`allKeys` and `certificate`, and only for strings",
		Synonyms:  "objectEncoding decodingStrategy decode valueEncoding",
		Conflicts: []string{"find", "secrets", "format"},
		set:       func(o *Object, v string) (err error) { o.Encoding, err = encoding.Parse(v); return err },
	},
	{
		Name: "filePermission", Example: `"0440"`,
		Doc: "octal, default 0644. Quotes and a leading 0 change nothing. The owner must be able to read the " +
			"file; the group may do no more than the owner, others no more than the group. Helm turns a bare " +
			"0400 in its values into 256: quote it",
		Synonyms: "mode permission permissions fileMode filePermissions defaultMode perm chmod",
		set:      func(o *Object, v string) (err error) { o.Mode, err = parseMode(v); return err },
	},
	{
		Name: "optional", Example: "true",
		Doc: "`true`: if the secret, the version or the key does not exist, or `allKeys` finds no keys, the " +
			"file is left out. It does not hide a refusal, an outage, or a deactivated or deleted version",
		Synonyms: "ignoreMissing allowMissing ignoreNotFound",
		set:      func(o *Object, v string) (err error) { o.Optional, err = parseBool(v); return err },
	},
	{
		Name: "refreshInterval", Example: "30m",
		Doc:      "the object's own, in place of that of the class",
		Synonyms: "rotationPollInterval pollInterval refresh",
		set:      func(o *Object, v string) (err error) { o.Refresh, err = parseRefresh(v); return err },
	},
	{
		Name: "connection", Example: "rbx",
		Doc: "the object's own connection, in place of the class's domain and credential: a volume can have " +
			"secrets of several domains",
		Synonyms: "secretStore secretStoreRef clusterSecretStore store connectionName sourceRef storeRef",
		set:      func(o *Object, v string) error { o.Connection = strings.TrimSpace(v); return nil },
	},
}

// Fields returns every field of an object.
func Fields() []Field { return slices.Clone(fields) }

func fieldOf(name string) (Field, bool) {
	if i := slices.IndexFunc(fields, func(f Field) bool { return f.Name == name }); i >= 0 {
		return fields[i], true
	}
	return Field{}, false
}

// placeOf returns the place of a field in the table.
func placeOf(name string) int {
	return slices.IndexFunc(fields, func(f Field) bool { return f.Name == name })
}

func fieldNames() (names []string) {
	for _, f := range fields {
		names = append(names, f.Name)
	}
	return names
}

func fieldConflicts() map[string][]string {
	conflicts := map[string][]string{}
	for _, f := range fields {
		for _, other := range f.Conflicts {
			conflicts[f.Name] = append(conflicts[f.Name], other)
			conflicts[other] = append(conflicts[other], f.Name)
		}
	}
	return conflicts
}

func setSecretPath(o *Object, v string) error {
	o.SecretPath = v
	if err := CheckSecretPath(v); err != nil {
		return fmt.Errorf("%s %w", message.Quote(v), err)
	}
	return nil
}

func setObjectName(o *Object, v string) error {
	o.ObjectName = v
	if err := volume.CheckName(v); err != nil {
		return fmt.Errorf("%s %w", message.Quote(v), err)
	}
	if isMistyped(v) {
		return fmt.Errorf("%s cannot be meant as the name of a file", message.Quote(v))
	}
	return nil
}

func setSecretKey(o *Object, v string) error {
	o.SecretKey = v
	return checkKey(v)
}

// readFind reads the folder and the pattern of find.
func readFind(e *entry, where string, n *yamlnode.Node) {
	e.object.Find = &Find{}
	e.readMap(where, n, []member{
		{name: "path", required: true, set: e.object.Find.setFolder},
		{name: "regexp", set: e.object.Find.setPattern},
	})
}
