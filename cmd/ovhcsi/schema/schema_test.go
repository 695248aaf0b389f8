// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/test/classes"
	"ovhcloud-csi-provider/test/withrace"
)

// compile returns the validator of a schema.
func compile(t testing.TB, s map[string]any) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(JSON(s)))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("schema.json", document); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// value returns YAML as a validator takes it.
func value(t testing.TB, text string) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	encoded, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := jsonschema.UnmarshalJSON(strings.NewReader(string(encoded)))
	if err != nil {
		t.Fatal(err)
	}
	return decoded
}

// validators has the two schemas.
type validators struct{ class, objects *jsonschema.Schema }

func newValidators(t testing.TB) validators {
	return validators{compile(t, Class()), compile(t, Objects())}
}

// check validates a document, and the objects of a class.
func (v validators) check(t testing.TB, document string) error {
	t.Helper()
	decoded := value(t, document)
	if err := v.class.Validate(decoded); err != nil {
		return err
	}
	spec, _ := decoded.(map[string]any)["spec"].(map[string]any)
	parameters, _ := spec["parameters"].(map[string]any)
	objects, ours := parameters["objects"].(string)
	if !ours {
		return nil
	}
	return v.objects.Validate(value(t, objects))
}

func TestTheExamplesAreValid(t *testing.T) {
	v := newValidators(t)
	files, err := filepath.Glob("../../../manifests/examples/*.yaml")
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, document := range strings.Split(string(text), "\n---\n") {
			if err := v.check(t, document); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
}

// TestWhatTheProviderAcceptsIsValid validates classes at random. `make classes` runs it without the race detector, with
// ten times as many.
func TestWhatTheProviderAcceptsIsValid(t *testing.T) {
	v, many := newValidators(t), 500
	if withrace.On {
		many = 50
	}
	for i := range many {
		text := classes.Class(rand.New(rand.NewPCG(1, uint64(i))), i, classes.Most)
		if err := v.check(t, text); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
	}
}

func TestEachFieldHasAShape(t *testing.T) {
	for _, f := range class.Fields() {
		if shapes()[f.Name] == nil {
			t.Errorf("%s has no shape", f.Name)
		}
	}
	if len(shapes()) != len(class.Fields()) {
		t.Errorf("%d shapes for %d fields", len(shapes()), len(class.Fields()))
	}
}

// TestTheParametersAreThoseOfTheProvider compares the names.
func TestTheParametersAreThoseOfTheProvider(t *testing.T) {
	properties := parameters()["properties"].(schema)
	for _, name := range class.Parameters() {
		if properties[name] == nil {
			t.Errorf("%s has no schema", name)
		}
	}
	if len(properties) != len(class.Parameters()) {
		t.Errorf("%d schemas for %d parameters", len(properties), len(class.Parameters()))
	}
}

const valid = `apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata: {name: shop}
spec:
  provider: ovhcloud
  parameters:
    region: eu-west-par
    okmsId: 734b9b45-8b1a-469c-b140-b10bd6540017
    objects: |
      - secretPath: prod/shop/db
        secretKey: password
        objectName: db/password
        encoding: base64
        filePermission: 0440
      - find: {path: prod/shop/}
        objectName: found
      - secrets: {db: prod/shop/db}
        template: '{{ .db.user }}'
        objectName: url
      - secretPath: prod/shop/tls
        secretKey: pem
        certificate: {part: leaf}
  secretObjects:
    - secretName: db
      type: Opaque
      data: [{objectName: db/password, key: password}]
`

func TestMistakesAreRefused(t *testing.T) {
	v := newValidators(t)
	if err := v.check(t, valid); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][2]string{
		{"region:", "regoin:"}, {"okmsId:", "okmsID:"}, {"eu-west-par", "GRA11"}, {"734b9b45-", "734b9b4-"},
		{"    okmsId: 734b9b45-8b1a-469c-b140-b10bd6540017\n", ""},
		{"region: eu-west-par", "connection: team"}, {"    region: eu-west-par\n", ""},
		{"    region:", "    endpoint: https://x.okms.ovh.net\n    region:"},
		{"objects: |", "objcts: |"}, {"    okmsId:", "    api: kv3\n    okmsId:"},
		{"    okmsId:", "    refreshInterval: 30\n    okmsId:"},
		{"    okmsId:", "    caBundle: x\n    okmsId:"}, {"    okmsId:", "    roleName: x\n    okmsId:"},
		{"metadata: {name: shop}\n", ""},
		{"secretPath: prod/shop/db", "secretpath: prod/shop/db"}, {"secretPath: prod/shop/db", "secretPath: /prod/shop/db"},
		{"secretPath: prod/shop/db", "secretPath: prod/../db"},
		{"secretPath: prod/shop/db", "secretPath: prod/*"}, {"secretPath: prod/shop/db", "secretPath:"},
		{"- secretPath: prod/shop/db\n        secretKey", "- secretKey"},
		{"secretKey: password", "property: password"}, {"secretKey: password", "secretKey: {a: b}"},
		{"secretKey: password", "allKeys: yes please"},
		{"secretKey: password", "secretKey: password\n        allKeys: true"}, {"secretKey: password", "keys: [a]"},
		{"secretKey: password", "objectVersionHistory: 0"},
		{"        secretKey: password\n", ""}, {"objectName: db/password", "objectName: /db"},
		{"objectName: db/password", "objectName: ../db"}, {"objectName: db/password", "objectName: db/"},
		{"objectName: db/password", "objectName: '{{ .Values.name }}'"}, {"encoding: base64", "encoding: base46"},
		{"encoding: base64", "format: env"}, {"encoding: base64", "format: toml"},
		{"filePermission: 0440", "filePermission: rw"}, {"filePermission: 0440", "filePermission: '0044'"},
		{"filePermission: 0440", "filePermission: 4"},
		{"filePermission: 0440", "optional: maybe"}, {"filePermission: 0440", "objectVersion: newest"},
		{"filePermission: 0440", "objectVersion: 0"}, {"filePermission: 0440", "refreshInterval: 30 minutes"},
		{"find: {path: prod/shop/}", "find: prod/shop/"}, {"find: {path: prod/shop/}", "find: {regexp: x}"},
		{"find: {path: prod/shop/}", "find: {pth: x}"},
		{"        template: '{{ .db.user }}'\n", ""}, {"secrets: {db: prod/shop/db}\n        ", ""},
		{"        objectName: url\n", ""}, {"{db: prod/shop/db}", "{}"}, {"{db: prod/shop/db}", "{1db: prod/shop/db}"},
		{"{db: prod/shop/db}", "{db: {secretPath: x, version: 2}}"}, {"{part: leaf}", "{part: root}"},
		{"{part: leaf}", "{keystore: jks}"}, {"{part: leaf}", "{}"},
		{"{part: leaf}", "{part: leaf, keystore: jks}"}, {"        secretKey: pem\n", ""},
		{"secretName: db", "secretname: db"}, {"key: password}", "kee: password}"},
	} {
		text := strings.Replace(valid, c[0], c[1], 1)
		if text == valid {
			t.Fatalf("%q is not in the class", c[0])
		}
		if v.check(t, text) == nil {
			t.Errorf("%q in place of %q is valid", c[1], c[0])
		}
	}
}

// TestOtherDocumentsAreValid: a file may hold pods and classes of other providers.
func TestOtherDocumentsAreValid(t *testing.T) {
	v := newValidators(t)
	for _, text := range []string{"kind: Pod\nspec: {containers: []}\n", "{}\n",
		strings.Replace(strings.Replace(valid, "provider: ovhcloud", "provider: vault", 1), "region:", "roleName:", 1)} {
		if err := v.class.Validate(value(t, text)); err != nil {
			t.Error(err)
		}
	}
}
