// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ovhcloud-csi-provider/test/emulator"
)

// renderStore starts a store, and returns a class of it in a file, and a directory with a token.
func renderStore(t *testing.T) (store *emulator.Emulator, file, credentials, host string) {
	t.Helper()
	store, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server, err := store.Start("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	if err := store.AddToken("planted-token", emulator.Identity{Name: "render"}); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Put("prod/shop/db", `{"user":"shop","password":"planted-password"}`); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	credentials, file = filepath.Join(dir, "credentials"), filepath.Join(dir, "class.yaml")
	class := "kind: SecretProviderClass\nmetadata: {name: shop}\nspec:\n  provider: ovhcloud\n  parameters:\n    " +
		"endpoint: " + server.URL + "\n    okmsId: " + store.OKMSID() +
		"\n    caBundle: |\n      " + strings.ReplaceAll(strings.TrimSpace(string(server.CA)), "\n", "\n      ") +
		"\n    objects: |\n      - {secretPath: prod/shop/db, secretKey: password, objectName: db/password, " +
		"filePermission: 0400}\n" +
		"      - {secretPath: prod/shop/none, optional: true}\n      - {secretPath: prod/shop/db, format: env, objectName: " +
		"db.env}\n"
	if err := os.Mkdir(credentials, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{file: class, filepath.Join(credentials, "token"): "planted-token\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return store, file, credentials, strings.TrimPrefix(server.URL, "https://")
}

func TestRender(t *testing.T) {
	store, file, credentials, host := renderStore(t)
	to := filepath.Join(t.TempDir(), "out")
	good := []string{"render", file, "--credentials", credentials, "--allow-endpoint", host}
	render := func(args ...string) (int, string) {
		var out bytes.Buffer
		code := run(t.Context(), args, nil, &out, &out)
		if strings.Contains(out.String(), "planted") {
			t.Errorf("%v prints a value:\n%s", args, out.String())
		}
		return code, out.String()
	}
	code, out := render(good...)
	if code != 0 || !strings.Contains(out, "0400       16 ") || !strings.Contains(out, "  db/password\n") ||
		!strings.Contains(out, "absent: none\n") {
		t.Errorf("exit %d\n%s", code, out)
	}
	if code, out := render(append(good, "--to", to)...); code != 0 {
		t.Fatalf("exit %d\n%s", code, out)
	}
	for path, want := range map[string]string{"db/password": "planted-password", "db": ""} {
		info, err := os.Stat(filepath.Join(to, path))
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Fatalf("%s: %v, %v", path, info, err)
		}
		if text, err := os.ReadFile(filepath.Join(to, path)); want != "" && (err != nil || string(text) != want) {
			t.Errorf("%s is %q, %v", path, text, err)
		}
	}
	for name, c := range map[string]struct {
		args []string
		code int
		want string
	}{
		"the directory exists": {append(good, "--to", to), 1, "exists; name a new directory"},
		"a work tree":          {append(good, "--to", "rendered"), 1, "is within a work tree of git"},
		"no credentials": {[]string{"render", file, "--allow-endpoint", host}, 3,
			"no credentials came with the mount"},
		"a host that is not listed": {[]string{"render", file, "--credentials", credentials}, 3,
			"no credential is sent there"},
		"another class": {append(good, "--class", "shp"), 2, "the files hold no class shp, did you mean shop?"},
		"no class":      {[]string{"render", "main.go"}, 2, "main.go"},
		"no directory":  {[]string{"render", file, "--credentials", "nowhere"}, 2, "--credentials: open nowhere"},
	} {
		if code, out := render(c.args...); code != c.code || !strings.Contains(out, c.want) {
			t.Errorf("%s: exit %d, want %d and %q\n%s", name, code, c.code, c.want, out)
		}
	}
	store.RevokeToken("planted-token")
	if code, out := render(good...); code != 3 || !strings.Contains(out, "OKMS refused") {
		t.Errorf("a revoked token: exit %d\n%s", code, out)
	}
	repair, err := store.Inject(emulator.Fault{Status: 501})
	if err != nil {
		t.Fatal(err)
	}
	defer repair()
	if code, out := render(good...); code != 4 {
		t.Errorf("a store that fails: exit %d\n%s", code, out)
	}
	if entries, _ := fs.Glob(os.DirFS("."), ".ovhcsi-render-*"); len(entries) > 0 {
		t.Error(fmt.Sprint("left behind: ", entries))
	}
}
