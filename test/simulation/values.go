// SPDX-License-Identifier: Apache-2.0

package simulation

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// planted stands in every value and every credential. It must not be in an error or a log line.
const planted = "planted"

// valueText returns the JSON text of the n-th value. Equal numbers give equal texts. Some have
// no key password, some spell their text in unusual ways.
func valueText(n int) string {
	switch n % 4 {
	case 0:
		return fmt.Sprintf(`{"user":"app","password":"%s-%d","n":1.50}`, planted, n)
	case 1:
		return fmt.Sprintf(`{ "password" : "%s\u002d%d" , "user":"a\nb", "nested":{"k":["%s-%d", 2e1]}}`, planted, n,
			planted, n)
	case 2:
		encoded := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%s-%d", planted, n))
		return fmt.Sprintf(`{"blob":"%s","password":"%s-%d","user":"c/d"}`, encoded, planted, n)
	}
	return fmt.Sprintf(`{"other":"%s-%d","user":"\u00e9<&>"}`, planted, n)
}

// Object is an object of a class. Its text form is PATH[:VERSION][#KEY|#*][!ENCODING][@MODE]>FILE[?].
type Object struct {
	Path     string
	Version  int    // 0 is the latest
	Key      string // "" is the whole secret, "*" is all keys
	Encoding string
	Mode     string // octal; "" is the driver's
	File     string // with all keys the folder
	Optional bool
}

func parseObject(text string) (o Object, err error) {
	text, o.Optional = strings.CutSuffix(text, "?")
	rest, file, named := strings.Cut(text, ">")
	if !named || file == "" {
		return o, fmt.Errorf("the object %q names no file", text)
	}
	o.File = file
	rest, o.Mode, _ = strings.Cut(rest, "@")
	rest, o.Encoding, _ = strings.Cut(rest, "!")
	rest, o.Key, _ = strings.Cut(rest, "#")
	var version string
	if o.Path, version, _ = strings.Cut(rest, ":"); version != "" {
		if o.Version, err = strconv.Atoi(version); err != nil {
			return o, fmt.Errorf("the object %q: %w", text, err)
		}
	}
	return o, nil
}

// yaml returns the object as a line of the parameter objects.
func (o Object) yaml() string {
	fields := map[string]any{"secretPath": o.Path, "objectName": o.File}
	if o.Version != 0 {
		fields["objectVersion"] = o.Version
	}
	switch o.Key {
	case "":
	case "*":
		fields["allKeys"] = true
	default:
		fields["secretKey"] = o.Key
	}
	if o.Encoding != "" {
		fields["encoding"] = o.Encoding
	}
	if o.Mode != "" {
		fields["filePermission"] = o.Mode
	}
	if o.Optional {
		fields["optional"] = true
	}
	line, _ := json.Marshal(fields) // a map of texts, numbers and booleans
	return "- " + string(line) + "\n"
}

// reads returns what must be read for the object.
func (o Object) reads() []ref { return []ref{{o.Path, o.Version}} }

func (o Object) mode() fs.FileMode {
	if o.Mode == "" {
		return 0o644
	}
	mode, _ := strconv.ParseUint(o.Mode, 8, 32) // histories have valid ones only
	return fs.FileMode(mode)
}

// Why an object has no files.
var (
	errNoKey    = errors.New("the secret has no such key")
	errUnusable = errors.New("the value cannot be written as asked for")
)

// files returns the files that an object makes of its secret, by path. named are the keys that
// other objects of the class write. keyOf has the key of each file.
func (o Object) files(text []byte, named []string) (files map[string][]byte, err error) {
	if o.Key == "" {
		return map[string][]byte{o.File: text}, nil
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(text, &members) != nil {
		return nil, errUnusable
	}
	files = map[string][]byte{}
	if o.Key != "*" {
		value, found := members[o.Key]
		if !found {
			return nil, errNoKey
		}
		files[o.File], err = o.bytes(value)
		return files, err
	}
	for key, value := range members {
		if slices.Contains(named, key) {
			continue
		}
		if files[path.Join(o.File, key)], err = o.bytes(value); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// bytes returns what a file has of a JSON value: a string as it is, anything else as stored.
func (o Object) bytes(value json.RawMessage) ([]byte, error) {
	var text string
	isString := bytes.HasPrefix(value, []byte(`"`))
	switch {
	case isString && json.Unmarshal(value, &text) != nil:
		return nil, errUnusable
	case !isString && o.Encoding != "":
		return nil, errUnusable
	case !isString:
		return value, nil
	case o.Encoding == "base64":
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, errUnusable
		}
		return raw, nil
	}
	return []byte(text), nil
}

// ref is what is read: a version of a secret, 0 for the latest.
type ref struct {
	path    string
	version int
}

func (r ref) String() string {
	if r.version == 0 {
		return r.path
	}
	return fmt.Sprint(r.path, ":", r.version)
}
