// SPDX-License-Identifier: Apache-2.0

package shapes

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

// examples are the objects that docs/reference.md shows, by the field. PEM shows the subjects only.
var examples = map[string]string{
	"secretPath": "- secretPath: prod/shop/flags",
	"find":       "- find: {path: prod/shop/features/, regexp: \"-on$\"}\n  objectName: features",
	"secrets": "- secrets: {db: prod/shop/db, flags: {secretPath: prod/shop/flags, objectVersion: 1}}\n  " +
		"template: \"{{ .db.user }} {{ .flags.dark }}\"\n  objectName: both",
	"objectName": "- secretPath: prod/shop/flags\n  objectName: config/flags.json",
	"secretKey": "- secretPath: prod/shop/db\n  secretKey: password\n- secretPath: prod/shop/db\n  " +
		"secretKey: pool.size",
	"allKeys": "- secretPath: prod/shop/db\n  allKeys: true\n  objectName: db",
	"keys":    "- secretPath: prod/shop/db\n  format: yaml\n  keys: [user, pool]\n  objectName: db.yaml",
	"format": "- secretPath: prod/shop/env\n  format: env\n- secretPath: prod/shop/env\n  format: " +
		"properties\n  objectName: env.properties",
	"certificate": "- secretPath: prod/shop/tls\n  secretKey: pem\n  certificate: {part: chain}\n  objectName: " +
		"tls.crt\n- secretPath: prod/shop/tls\n  secretKey: pem\n  certificate: {part: key}\n  objectName: tls.key",
	"template": "- secrets: {db: prod/shop/db}\n  template: \"postgres://{{ .db.user }}:{{ .db.password | " +
		"urlquery }}@db/shop?pool={{ .db.pool.size }}\"\n  objectName: url",
	"objectVersion": "- secretPath: prod/shop/flags\n  objectVersion: 1\n- secretPath: prod/shop/rolled-back\n  " +
		"objectVersion: latest-active",
	"objectVersionHistory": "- secretPath: prod/shop/flags\n  objectVersionHistory: 2",
	"encoding":             "- secretPath: prod/shop/db\n  secretKey: salt\n  encoding: hex",
	"filePermission":       "- secretPath: prod/shop/flags\n  filePermission: \"0440\"",
	"optional":             "- secretPath: prod/shop/flags\n- secretPath: prod/shop/not-there\n  optional: true",
	"refreshInterval":      "- secretPath: prod/shop/flags\n  refreshInterval: 30m",
	"connection":           "- secretPath: prod/shop/db\n  secretKey: user\n  connection: team",
}

// referenceStore starts a daemon on a store with the secrets of the examples.
func referenceStore(t *testing.T) *harness.Daemon {
	t.Helper()
	store := harness.StartStore(t)
	if err := store.AddToken(harness.HeldToken, emulator.Identity{Name: "held"}); err != nil {
		t.Fatal(err)
	}
	ids := harness.NewIdentities(t, store.TwoConnections(),
		map[string]map[string]string{"team": {"token": harness.HeldToken}, "other": {"token": harness.HeldToken}})
	d := harness.Start(t, harness.Options{Emulator: store, Connections: ids.Connections})
	whole, err := os.ReadFile("../../provider/certificate/testdata/whole.pem")
	if err != nil {
		t.Fatal(err)
	}
	store.Hold(t, map[string]string{"prod/shop/flags": `{"dark":false}`, "prod/shop/rolled-back": `{"good":true}`})
	store.Hold(t, map[string]string{
		"prod/shop/flags":                  `{"dark":true}`,
		"prod/shop/rolled-back":            `{"bad":true}`,
		"prod/shop/db":                     `{"user":"shop","password":"s3cret/1","pool":{"size":10},"salt":"68690a"}`,
		"prod/shop/env":                    `{"DB_USER":"shop","DB_PORT":5432}`,
		"prod/shop/tls":                    `{"pem":` + fmt.Sprintf("%q", whole) + `}`,
		"prod/shop/features/search-on":     `{"since":1}`,
		"prod/shop/features/old/login-on":  `{"since":2}`,
		"prod/shop/features/old/logout-no": `{"since":3}`,
	})
	if err := store.SetState("prod/shop/rolled-back", 2, emulator.Deactivated); err != nil {
		t.Fatal(err)
	}
	return d
}

// output mounts objects, and returns the files as the page shows them.
func output(t *testing.T, d *harness.Daemon, objects string) string {
	t.Helper()
	resp, err := d.Client.Mount(t.Context(), d.Request(harness.Mount{Objects: objects + "\n"}))
	if err != nil {
		t.Fatalf("%s\n%v", objects, err)
	}
	var out strings.Builder
	for _, f := range resp.GetFiles() {
		content := string(f.GetContents())
		if strings.Contains(content, "-----BEGIN") {
			content = strings.ReplaceAll(fmt.Sprintf("%d certificates, %d private keys", strings.Count(content, "BEGIN CERT"),
				strings.Count(content, "BEGIN PRIVATE")), "1 certificates", "1 certificate")
		}
		fmt.Fprintf(&out, "%s  %#o\n    %s\n", f.GetPath(), f.GetMode(),
			strings.ReplaceAll(strings.TrimSuffix(content, "\n"), "\n", "\n    "))
	}
	return out.String()
}

// TestTheReferenceShowsWhatFieldsDo: docs/reference.md is made of the table of fields and of the
// examples, which are mounted. UPDATE=1 writes it.
func TestTheReferenceShowsWhatFieldsDo(t *testing.T) {
	d := referenceStore(t)
	var page strings.Builder
	page.WriteString("# Fields of an object\n\n" +
		"Each example is an entry of `objects`, and below it is what is mounted: path and mode of each file, and its " +
		"content. A test\n" +
		"makes this page and compares it. [class.md](class.md) has the parameters of a class.\n")
	for _, f := range class.Fields() {
		objects, shown := examples[f.Name]
		if !shown {
			t.Fatalf("the field %s has no example", f.Name)
		}
		doc := strings.ReplaceAll(f.Doc, "(docs/", "(")
		fmt.Fprintf(&page, "\n## `%s`\n\n%s.\n\n```yaml\n%s\n```\n\n```\n%s```\n", f.Name,
			strings.ToUpper(doc[:1])+strings.TrimSuffix(doc[1:], "."), objects, output(t, d, objects))
	}
	const at = "../../docs/reference.md"
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(at, []byte(page.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile(at); err != nil || string(have) != page.String() {
		t.Errorf("docs/reference.md is not what the examples give; run UPDATE=1 go test ./test/shapes")
	}
}
