// SPDX-License-Identifier: Apache-2.0

package convert_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"ovhcloud-csi-provider/cmd/ovhcsi/convert"
	"ovhcloud-csi-provider/cmd/ovhcsi/lint"
	"ovhcloud-csi-provider/provider/yamlnode"
)

// FuzzConvert checks that no manifest makes the conversion panic, and that its output is YAML without
// a mistake that it does not tell.
func FuzzConvert(f *testing.F) {
	all, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range all {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		var text strings.Builder
		for _, part := range archive.Files {
			if strings.HasPrefix(part.Name, "in/") {
				text.WriteString("---\n" + string(part.Data))
			}
		}
		f.Add(text.String(), false)
		f.Add(text.String(), true)
	}
	f.Add("kind: List\nitems: &a\n- {kind: List, items: *a}\n", false)
	f.Add("apiVersion: external-secrets.io/v1\nkind: SecretStore\nmetadata: &m {name: [a]}\nspec: *m\n", false)
	f.Fuzz(func(t *testing.T, text string, connection bool) {
		options := convert.Options{Keys: map[string][]string{"team/account": {"a", "b.c", "../d", ""}}}
		if connection {
			options.Connection = "team: x"
		}
		result := convert.Convert([]lint.Source{{Name: "x.yaml", Text: text}}, options)
		for _, output := range []string{result.Classes(), result.Pods(), result.Values()} {
			if _, err := yamlnode.Documents(output); err != nil {
				t.Fatalf("%v\n%s", err, output)
			}
		}
		if result.Lossless() {
			for _, found := range lint.Run([]lint.Source{{Name: "out.yaml", Text: result.Classes()}}) {
				if found.Severity == lint.Error {
					t.Errorf("%+v\n%s", found, result.Classes())
				}
			}
		}
	})
}
