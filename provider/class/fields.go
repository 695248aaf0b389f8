package class

import (
	"fmt"
	"slices"

	"ovhcloud-csi-provider/provider/encoding"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/volume"
)

// MaxKey bounds secretKey in bytes.
const MaxKey = 1024

// Field is a field of an object.
type Field struct {
	Name string
	// Doc says what it means, in Markdown on one line: README.md's table is made of it.
	Doc string
	// Example is a valid value as YAML.
	Example string
	// Synonyms are names that other programs have for it, separated by spaces.
	Synonyms string
	// Conflicts are the fields that it cannot be combined with.
	Conflicts []string
	// MayBeEmpty says that an empty value is as if the field were not given: templates leave
	// it so.
	MayBeEmpty bool
	// set reads a value into the object. The error says what is wrong with it.
	set func(*Object, string) error
}

// fields is every field of an object, in the order of README.md.
var fields = []Field{
	{
		Name: "secretPath", Example: "prod/shop/db",
		Doc:      "the path in Secret Manager, case-sensitive",
		Synonyms: "secretName resourceName secret remoteKey secretId vaultPath keyPath",
		set:      setSecretPath,
	},
	{
		Name: "objectName", Example: "db/password",
		Doc: "the file's path in the volume; with `allKeys` the folder. `secretObjects` refers to it. Default: " +
			"the last segment of `secretKey`, without the backslashes of a path (`tls\\.crt` makes `tls.crt`), " +
			"or of `secretPath`; with `allKeys` the root. Required if `secretKey` is a path with `#`",
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
		Conflicts:  []string{"allKeys"},
		MayBeEmpty: true,
		set:        setSecretKey,
	},
	{
		Name: "allKeys", Example: "true",
		Doc: "`true`: a file for each top-level key. A key that another object of the class names by " +
			"`secretKey` is left to that object. A key that cannot be a file name is an error that names it",
		Synonyms:  "extract dataFrom all wholeSecret",
		Conflicts: []string{"secretKey"},
		set:       func(o *Object, v string) (err error) { o.AllKeys, err = parseBool(v); return err },
	},
	{
		Name: "objectVersion", Example: "3",
		Doc: "a version number, or `latest` (default). An empty value is ignored, and so is an empty " +
			"`secretKey`",
		Synonyms:   "version objectVersionLabel versionId versionStage secretVersion versionNumber versionLabel",
		MayBeEmpty: true,
		set:        func(o *Object, v string) (err error) { o.Version, err = parseVersion(v); return err },
	},
	{
		Name: "encoding", Example: "base64",
		Doc: "how the value is encoded in Secret Manager: `utf-8` (default), `base64`, `base64url`, `hex`. The " +
			"file gets the decoded bytes; line breaks within the value are ignored. Only for `secretKey` and " +
			"`allKeys`, and only for strings",
		Synonyms: "objectEncoding decodingStrategy decode valueEncoding",
		set:      func(o *Object, v string) (err error) { o.Encoding, err = encoding.Parse(v); return err },
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
}

// Fields returns every field of an object.
func Fields() []Field { return slices.Clone(fields) }

func fieldOf(name string) (Field, bool) {
	if i := slices.IndexFunc(fields, func(f Field) bool { return f.Name == name }); i >= 0 {
		return fields[i], true
	}
	return Field{}, false
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
		conflicts[f.Name] = f.Conflicts
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
	if len(v) > MaxKey {
		return fmt.Errorf("is %d bytes long; at most %d are read", len(v), MaxKey)
	}
	return nil
}
