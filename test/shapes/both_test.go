// SPDX-License-Identifier: Apache-2.0

package shapes

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

// full starts a daemon on a store with secrets in each state.
func full(t *testing.T, o harness.Options) *harness.Daemon {
	t.Helper()
	d := harness.Start(t, o)
	whole, err := os.ReadFile("../../provider/certificate/testdata/whole.pem")
	if err != nil {
		t.Fatal(err)
	}
	pem, err := json.Marshal(map[string]string{"all": string(whole), "password": "changeit", "short": "x"})
	if err != nil {
		t.Fatal(err)
	}
	d.Store.Hold(t, map[string]string{
		"prod/shop/db":          `{"user":"shop","password":"p@ss-planted","port":5432.0,"n":{"x":[1,"y"]},"none":null}`,
		"prod/shop/env":         `{"USER":"shop","PASSWORD":"it is $A","PORT":5432}`,
		"prod/shop/tls":         string(pem),
		"features/a-on":         `{"v":1}`,
		"features/b-off":        `{"v":2}`,
		"features/deep/er/c-on": `{"v":3}`,
		"clash/a":               `{"v":1}`,
		"clash/a/b":             `{"v":2}`,
		"bad/signs":             `{"a/b":"x","1st":"y"}`,
	})
	for range 3 {
		d.Store.Hold(t, map[string]string{"rolled/back": `{"v":"new"}`, "off/all": `{"v":"x"}`, "mixed/off": `{"v":"x"}`})
	}
	d.Store.Hold(t, map[string]string{"mixed/on": `{"v":"y"}`})
	for _, change := range []struct {
		path    string
		version int
		state   emulator.State
	}{{"rolled/back", 3, emulator.Deactivated}, {"rolled/back", 2, emulator.Deleted}, {"off/all", 1, emulator.Deactivated},
		{"off/all", 2, emulator.Deactivated},
		{"off/all", 3, emulator.Deactivated}, {"mixed/off", 3, emulator.Deactivated}} {
		if err := d.Store.SetState(change.path, change.version, change.state); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// result is what came of a mount.
func result(files map[string]string, err error) string {
	if err != nil {
		return status.Code(err).String() + ": " + status.Convert(err).Message()
	}
	text, _ := json.Marshal(files)
	return string(text)
}

var table = []struct {
	name, object string
	files        map[string]string
	code         codes.Code
	parts        []string // of the error
}{
	{"find", "{find: {path: features/}, objectName: f}",
		map[string]string{"f/a-on": `{"v":1}`, "f/b-off": `{"v":2}`, "f/deep/er/c-on": `{"v":3}`}, 0, nil},
	{"find by a pattern", `{find: {path: features, regexp: "-on$"}}`,
		map[string]string{"a-on": `{"v":1}`, "deep/er/c-on": `{"v":3}`}, 0, nil},
	{"find, all keys", `{find: {path: features, regexp: "^a"}, allKeys: true, objectName: x}`,
		map[string]string{"x/a-on/v": "1"}, 0, nil},
	{"find nothing", "{find: {path: nowhere}}", nil, codes.NotFound,
		[]string{`objects[0] (the secrets below "nowhere/")`, "find selects no secret", "optional: true"}},
	{"find nothing, optional", "{find: {path: nowhere}, optional: true}", map[string]string{}, 0, nil},
	{"find two for one file", "{find: {path: clash}}", nil, codes.InvalidArgument, []string{"cannot be a folder too"}},
	{"find a deactivated one", "{find: {path: mixed}}", nil, codes.FailedPrecondition,
		[]string{`secret "mixed/off"`, "version 3 is deactivated"}},
	{"find without it", "{find: {path: mixed}, optional: true}", map[string]string{"on": `{"v":"y"}`}, 0, nil},
	{"find what is active", "{find: {path: mixed}, objectVersion: latest-active}",
		map[string]string{"on": `{"v":"y"}`, "off": `{"v":"x"}`}, 0, nil},
	{"a rolled back secret", "{secretPath: rolled/back, objectVersion: latest-active, secretKey: v}",
		map[string]string{"v": "new"}, 0, nil},
	{"no active version", "{secretPath: off/all, objectVersion: latest-active}", nil, codes.FailedPrecondition,
		[]string{"version 3 is deactivated", "no version is active"}},
	{"history", "{secretPath: prod/shop/db, objectVersionHistory: 3, secretKey: user, objectName: h}",
		map[string]string{"h/0": "shop"}, 0, nil},
	{"history with gaps", "{secretPath: rolled/back, objectVersionHistory: 3}",
		map[string]string{"back/0": `{"v":"new"}`}, 0, nil},
	{"history of nothing", "{secretPath: nowhere, objectVersionHistory: 2}", nil, codes.NotFound,
		[]string{"no such secret"}},
	{"history of nothing, optional", "{secretPath: nowhere, objectVersionHistory: 2, optional: true}",
		map[string]string{}, 0, nil},
	{"env", "{secretPath: prod/shop/env, format: env}",
		map[string]string{"env": "USER='shop'\nPASSWORD='it is $A'\nPORT='5432'\n"}, 0, nil},
	{"yaml of keys", "{secretPath: prod/shop/db, format: yaml, keys: [port, n, user], objectName: db.yaml}",
		map[string]string{"db.yaml": "port: 5432.0\n\"n\": {x: [1, \"y\"]}\nuser: shop\n"}, 0, nil},
	{"json of keys", "{secretPath: prod/shop/db, keys: [port, user], format: json}",
		map[string]string{"db": `{"port":5432.0,"user":"shop"}`}, 0, nil},
	{"json of all", "{secretPath: features/a-on, format: json}", map[string]string{"a-on": `{"v":1}`}, 0, nil},
	{"properties", "{secretPath: bad/signs, format: properties, objectName: p}",
		map[string]string{"p": "a/b=x\n1st=y\n"}, 0, nil},
	{"env of no names", "{secretPath: bad/signs, format: env}", nil, codes.FailedPrecondition,
		[]string{`format: env cannot carry the key "a/b"`, "is no name of a variable"}},
	{"env of null", "{secretPath: prod/shop/db, format: env, keys: [none]}", nil, codes.FailedPrecondition,
		[]string{`the key "none"`, "is null"}},
	{"a key that is not there", "{secretPath: prod/shop/db, format: env, keys: [usr]}", nil, codes.NotFound,
		[]string{`has no key "usr"`, `did you mean "user"?`}},
	{"a key that is not there, optional", "{secretPath: prod/shop/db, format: env, keys: [usr], optional: true}",
		map[string]string{}, 0, nil},
	{"a template",
		`{secrets: {db: prod/shop/db, env: {secretPath: prod/shop/env, objectVersion: 1}}, template: "{{ .db.user }}:{{ .db.password | urlquery }}@{{ .env.PORT }}", objectName: url}`,
		map[string]string{"url": "shop:p%40ss-planted@5432"}, 0, nil},
	{"a template of a missing key", `{secrets: {db: prod/shop/db}, template: "{{ .db.usr }}", objectName: url}`, nil,
		codes.FailedPrecondition,
		[]string{`objects[0] "url" (template)`, `there is no key "usr"; did you mean "user"?`}},
	{"a template of a missing secret", `{secrets: {db: nowhere}, template: "{{ .db.user }}", objectName: url}`, nil,
		codes.NotFound, []string{`(secret "nowhere", latest version)`, "no such secret"}},
	{"the same, optional", `{secrets: {db: nowhere}, template: "{{ .db.user }}", objectName: url, optional: true}`,
		map[string]string{}, 0, nil},
	{"a template of a rolled back secret",
		`{secrets: {r: {secretPath: rolled/back, objectVersion: latest-active}}, template: "{{ .r.v }}", objectName: r}`,
		map[string]string{"r": "new"}, 0, nil},
	{"the wrong part", "{secretPath: prod/shop/db, secretKey: user, certificate: {part: leaf}}", nil,
		codes.FailedPrecondition, []string{`the key "user" holds no PEM`}},
	{"a keystore without a password",
		"{secretPath: prod/shop/tls, secretKey: all, objectName: k, certificate: {keystore: jks, password: {secretPath: " +
			"prod/shop/tls, secretKey: short}}}", nil,
		codes.FailedPrecondition, []string{"fewer than 6 characters"}},
	{"several at once",
		"{find: {path: nowhere}}\n- {secretPath: nowhere, objectName: b}\n- {secrets: {a: nowhere}, template: \"{{ .a.b " +
			"}}\", objectName: c}", nil, codes.NotFound,
		[]string{"objects[0]", "objects[1]", "objects[2]"}},
}

// TestBothAPIsGiveTheSameFiles: every way to select and shape gives equal bytes and equal errors
// over both APIs.
func TestBothAPIsGiveTheSameFiles(t *testing.T) {
	d := full(t, harness.Options{})
	for _, c := range table {
		var results []string
		for _, api := range []string{"kv2", "rest"} {
			files, err := d.Do(t.Context(),
				harness.Mount{Objects: "- " + c.object + "\n", Attributes: map[string]string{"api": api}})
			results = append(results, result(files, err))
			if err == nil && (c.code != 0 || !maps.Equal(files, c.files)) {
				t.Errorf("%s, %s: got %v, want %v", c.name, api, files, c.files)
			}
			if err != nil {
				harness.WantError(t, err, c.code, c.parts...)
				if strings.Contains(err.Error(), "planted") {
					t.Errorf("%s: the error shows a value: %v", c.name, err)
				}
			}
		}
		if clean(results[0]) != clean(results[1]) {
			t.Errorf("%s: kv2 gives\n%s\nrest gives\n%s", c.name, results[0], results[1])
		}
	}
}

// facts are what OKMS said, in numbers: a version that is gone is a 404 over one API and a 200 over
// the other, and each request has an identifier.
var facts = regexp.MustCompile(`\(HTTP[^)]*\)`)

// clean drops the facts.
func clean(text string) string { return facts.ReplaceAllString(text, "") }

func TestPartsOfACertificate(t *testing.T) {
	d := full(t, harness.Options{})
	var objects strings.Builder
	for _, part := range []string{"leaf", "chain", "key", "bundle"} {
		fmt.Fprintf(&objects, "- {secretPath: prod/shop/tls, secretKey: all, objectName: %s, certificate: {part: %s}}\n",
			part, part)
	}
	for _, store := range []string{"pkcs12", "jks"} {
		fmt.Fprintf(&objects,
			"- {secretPath: prod/shop/tls, secretKey: all, objectName: %s, certificate: {keystore: %s, password: {secretPath: "+
				"prod/shop/tls, secretKey: password}}}\n", store, store)
	}
	files, err := d.Do(t.Context(), harness.Mount{Objects: objects.String()})
	if err != nil {
		t.Fatal(err)
	}
	for part, blocks := range map[string][2]int{"leaf": {1, 0}, "chain": {2, 0}, "key": {0, 1}, "bundle": {2, 1}} {
		if strings.Count(files[part], "BEGIN CERT") != blocks[0] ||
			strings.Count(files[part], "PRIVATE KEY-----\n") != 2*blocks[1] {
			t.Errorf("%s is\n%s", part, files[part])
		}
	}
	again, err := d.Do(t.Context(), harness.Mount{Objects: objects.String()})
	if err != nil || !maps.Equal(files, again) || len(files["pkcs12"]) < 500 || len(files["jks"]) < 500 {
		t.Errorf("the second mount has other files, %v", err)
	}
}
