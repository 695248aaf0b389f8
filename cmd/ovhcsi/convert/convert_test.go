// SPDX-License-Identifier: Apache-2.0

package convert_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"ovhcloud-csi-provider/cmd/ovhcsi/convert"
	"ovhcloud-csi-provider/cmd/ovhcsi/lint"
	"ovhcloud-csi-provider/provider"
	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/credential"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/provider/sensitive"
	"ovhcloud-csi-provider/provider/yamlnode"
	"ovhcloud-csi-provider/test/emulator"
)

var update = flag.Bool("update", false, "write what the conversion gives to testdata, but not what the files hold")

// options reads the lines of a case's comment: --connection NAME and --keys SECRET=KEY,KEY.
func options(comment string) (o convert.Options) {
	o.Keys = map[string][]string{}
	for line := range strings.SplitSeq(comment, "\n") {
		if name, is := strings.CutPrefix(line, "--connection "); is {
			o.Connection = name
		}
		if text, is := strings.CutPrefix(line, "--keys "); is {
			secret, keys, _ := strings.Cut(text, "=")
			o.Keys[secret] = strings.Split(keys, ",")
		}
	}
	return o
}

// TestCases converts each manifest of testdata. The parts of a case are:
//
//	in/…            the sources
//	out.yaml, notes what is made of them, and what is said
//	store/PATH      a secret, as JSON
//	files/NAME      what the class mounts, written by hand from the rules of the other program
//	secrets/NAME/KEY  what the driver mirrors, in the same way
//
// A content ends before its last line break.
func TestCases(t *testing.T) {
	all, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(all) < 5 {
		t.Fatal(all, err)
	}
	for _, name := range all {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) { runCase(t, name) })
	}
}

func runCase(t *testing.T, name string) {
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]string{}
	var sources []lint.Source
	for _, f := range archive.Files {
		if parts[f.Name] = string(f.Data); strings.HasPrefix(f.Name, "in/") {
			sources = append(sources, lint.Source{Name: strings.TrimPrefix(f.Name, "in/"), Text: string(f.Data)})
		}
	}
	result := convert.Convert(sources, options(string(archive.Comment)))
	compare(t, archive, name, "out.yaml", result.Classes())
	compare(t, archive, name, "notes", notes(result))
	if values := result.Values(); values != "" {
		compare(t, archive, name, "values.yaml", values)
	}
	for _, f := range lint.Run([]lint.Source{{Name: "out.yaml", Text: result.Classes()}}) {
		t.Errorf("out.yaml:%d: %s %s", f.Line, f.ID, f.Message)
	}
	if len(under(parts, "store/")) > 0 {
		mountAll(t, result.Classes(), parts)
	}
}

// notes returns the notes as the command prints them.
func notes(r convert.Result) string {
	var b strings.Builder
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "%s:%d: %s: %s\n", n.File, n.Line, n.Severity, n.Message)
	}
	return b.String()
}

// compare compares a part of a case with what was made, or writes it with -update.
func compare(t *testing.T, archive *txtar.Archive, file, part, got string) {
	t.Helper()
	i := slices.IndexFunc(archive.Files, func(f txtar.File) bool { return f.Name == part })
	if i < 0 {
		archive.Files = append(archive.Files, txtar.File{Name: part})
		i = len(archive.Files) - 1
	}
	if want := string(archive.Files[i].Data); want != got && !*update {
		t.Errorf("%s is\n%s\nwant\n%s", part, got, want)
	}
	if archive.Files[i].Data = []byte(got); *update {
		if err := os.WriteFile(file, txtar.Format(archive), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// under returns the parts with a prefix, without it and without their last line break.
func under(parts map[string]string, prefix string) map[string]string {
	found := map[string]string{}
	for name, text := range parts {
		if rest, is := strings.CutPrefix(name, prefix); is {
			found[rest] = strings.TrimSuffix(text, "\n")
		}
	}
	return found
}

// mountAll mounts the classes from an emulator, and compares files and mirrored Secrets.
func mountAll(t *testing.T, text string, parts map[string]string) {
	store, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server, err := store.Start("")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	if err := store.AddToken("token", emulator.Identity{Name: "convert"}); err != nil {
		t.Fatal(err)
	}
	secrets := under(parts, "store/")
	for _, path := range slices.Sorted(maps.Keys(secrets)) {
		for version := range strings.SplitSeq(secrets[path], "\n") {
			if _, err := store.Put(path, version); err != nil {
				t.Fatal(err)
			}
		}
	}
	endpoints, err := place.ParseEndpoints([]string{server.URL})
	if err != nil {
		t.Fatal(err)
	}
	p := provider.New(provider.Config{Endpoints: endpoints})
	defer p.Close()
	classes, err := lint.Classes([]lint.Source{{Name: "out.yaml", Text: text}})
	if err != nil {
		t.Fatal(err)
	}
	files, mirrored := map[string]string{}, map[string]string{}
	for _, c := range classes {
		made := mount(t, p, c.Parameters, map[string]string{
			"endpoint": server.URL, "okmsId": store.OKMSID(), "caBundle": string(server.CA),
			class.AttributeClass: c.Name, class.AttributePod: "p", class.AttributeNamespace: "shop", class.AttributePodUID: "1",
		})
		maps.Copy(files, made)
	}
	mirror(t, text, files, mirrored)
	same(t, "files", files, under(parts, "files/"))
	same(t, "secrets", mirrored, under(parts, "secrets/"))
}

// mount returns the files of a mount with the parameters, of which those of a domain are replaced.
func mount(t *testing.T, p *provider.Provider, parameters, attributes map[string]string) map[string]string {
	t.Helper()
	for name, value := range parameters {
		if name == "objects" || name == "refreshInterval" {
			attributes[name] = value
		}
	}
	response, err := p.Mount(t.Context(), provider.Request{
		Attributes: attributes, Credentials: credential.Material{"token": sensitive.New([]byte("token"))},
	})
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range response.Files {
		files[f.Path] = string(f.Contents.Reveal())
	}
	if response.Sent != nil {
		response.Sent()
	}
	return files
}

// mirror makes the data of Secrets of files as the driver does, by secretObjects.
func mirror(t *testing.T, text string, files, mirrored map[string]string) {
	t.Helper()
	documents, err := yamlnode.Documents(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range documents {
		for _, secret := range yamlnode.Elements(yamlnode.At(n, "spec", "secretObjects")) {
			for _, one := range yamlnode.Elements(yamlnode.Field(secret, "data")) {
				content, made := files[yamlnode.TextAt(one, "objectName")]
				if !made {
					t.Errorf("there is no file for the key %s", yamlnode.TextAt(one, "key"))
				}
				mirrored[yamlnode.TextAt(secret, "secretName")+"/"+yamlnode.TextAt(one, "key")] = content
			}
		}
	}
}

// same compares contents by their names.
func same(t *testing.T, what string, got, want map[string]string) {
	t.Helper()
	for name, text := range want {
		if is, made := got[name]; !made || is != text {
			t.Errorf("%s/%s is %q, want %q", what, name, is, text)
		}
	}
	for name, text := range got {
		if _, wanted := want[name]; !wanted {
			t.Errorf("%s/%s is not wanted: %q", what, name, text)
		}
	}
}
