// SPDX-License-Identifier: Apache-2.0

package seed

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// folder writes files to a new directory and returns it.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFilesAreSecrets(t *testing.T) {
	dir := folder(t, map[string]string{
		"prod/shop/db.yaml": "user: shop\npassword: 'it''s <&>'\nport: 5432\nratio: 1.50\ntls: true\nnone:\nsince: " +
			"2026-11-27\nyes: yes\nhosts: [a, {b: c}]\n",
		"prod/shop/app.v2.json": "{ \"k\" : 1.0 }\n",
		"prod/shop/pem.yml":     "tls.crt: |\n  a\n  b\n",
		".git/config.yaml":      "a",
		"prod/.hidden":          "a",
	})
	if err := os.Symlink("app.v2.json", filepath.Join(dir, "prod/shop/link.json")); err != nil {
		t.Fatal(err)
	}
	all, err := Folder(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range all {
		got = append(got, s.Path+" "+s.Data)
	}
	want := []string{
		"prod/shop/app.v2 { \"k\" : 1.0 }\n",
		`prod/shop/db {"user":"shop","password":"it's <&>","port":5432,"ratio":1.50,"tls":true,"none":null,"since":"2026-11-27","yes":"yes","hosts":["a",{"b":"c"}]}`,
		"prod/shop/link { \"k\" : 1.0 }\n",
		`prod/shop/pem {"tls.crt":"a\nb\n"}`,
	}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestInvalidFoldersAreRefused(t *testing.T) {
	outside := folder(t, map[string]string{"a.yaml": "planted: value\n"})
	link := t.TempDir()
	if err := os.Symlink(filepath.Join(outside, "a.yaml"), filepath.Join(link, "a.yaml")); err != nil {
		t.Fatal(err)
	}
	loop := t.TempDir()
	if err := os.Symlink(".", filepath.Join(loop, "a.yaml")); err != nil {
		t.Fatal(err)
	}
	many := map[string]string{}
	for i := range maxSecrets + 1 {
		many[fmt.Sprintf("%d.json", i)] = "{}"
	}
	deep := strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1)
	for name, c := range map[string]struct{ dir, want string }{
		"an empty folder":    {t.TempDir(), "holds no .json, .yaml or .yml file; a file a/b.yaml is the secret a/b"},
		"a missing folder":   {filepath.Join(outside, "none"), "no such file"},
		"a link out":         {link, "a.yaml: path escapes"},
		"a link to a folder": {loop, "a.yaml: is not a regular file"},
		"too many":           {folder(t, many), "holds more than 2000 secrets"},
		"too large": {folder(t, map[string]string{"a.json": strings.Repeat(" ", maxFile+1)}),
			"a.json: is larger than 1 MiB"},
		"another file": {folder(t, map[string]string{"a/readme.md": "x"}),
			"a/readme.md: is not a .json, .yaml or .yml file"},
		"two files": {folder(t, map[string]string{"a.json": "{}", "a.yaml": "{}"}),
			"a.yaml: a.json is the same secret, a; keep one"},
		"a list":  {folder(t, map[string]string{"a.yaml": "[planted]"}), "a.yaml: line 1: is a list; want a map"},
		"nothing": {folder(t, map[string]string{"a.yaml": "# planted\n"}), "a.yaml: is empty"},
		"two documents": {folder(t, map[string]string{"a.yaml": "a: b\n---\na: b\n"}),
			"a.yaml: holds more than one YAML document"},
		"an alias": {folder(t, map[string]string{"a.yaml": "a: &x planted\nb: *x\n"}),
			"a.yaml: line 1: anchors and aliases"},
		"a merge": {folder(t, map[string]string{"a.yaml": "<<: {a: planted}\n"}),
			"a.yaml: line 1: a key is a single value; want a plain name"},
		"a key twice": {folder(t, map[string]string{"a.yaml": "a: planted\nb: {c: 1, c: 2}\n"}),
			`a.yaml: line 2: key "c" is given twice`},
		"a map as a key": {folder(t, map[string]string{"a.yaml": "? {a: b}\n: planted\n"}),
			"a.yaml: line 1: a key is a map"},
		"an octal number": {folder(t, map[string]string{"a.yaml": "a: b\npin: 0x1f\n"}),
			"a.yaml: line 2: the number has no counterpart in JSON; quote it"},
		"a tag": {folder(t, map[string]string{"a.yaml": "a: !!binary cGxhbnRlZA==\n"}),
			"a.yaml: line 1: a tag is not supported"},
		"nested without end": {folder(t, map[string]string{"a.yaml": "a: " + deep + "\n"}), "nested more than 100 deep"},
		"a mistake of YAML": {folder(t, map[string]string{"a.yaml": "a: [planted\n"}),
			"a.yaml: is not YAML: line 1, column 4: the bracket [ is not closed"},
	} {
		if all, err := Folder(c.dir); err == nil || !strings.Contains(err.Error(), c.want) ||
			strings.Contains(err.Error(), "planted") || all != nil {
			t.Errorf("%s: %v, %v; want %q", name, all, err, c.want)
		}
	}
}
