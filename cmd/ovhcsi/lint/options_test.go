// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"ovhcloud-csi-provider/provider/config"
	"ovhcloud-csi-provider/provider/place"
)

const rulesText = `connections:
  team:
    region: eu-west-par
    okmsId: 734b9b45-8b1a-469c-b140-b10bd6540017
    credentialsDir: /nowhere
    allow:
      - {namespaces: [shop], serviceAccounts: [default, web], paths: ["prod/shop/**"]}
      - {namespaces: [pay], serviceAccounts: [teller], paths: [prod/pay/card]}
`

// found returns findings as texts without the notes.
func found(all []Finding) (texts []string) {
	for _, f := range all {
		if f.Severity != Note {
			texts = append(texts, fmt.Sprintf("%d:%d %s %s", f.Line, f.Column, f.ID, f.Message))
		}
	}
	return texts
}

// expect compares findings with the beginnings of those that are wanted.
func expect(t *testing.T, name string, got []Finding, want ...string) {
	t.Helper()
	texts := found(got)
	if len(texts) != len(want) {
		t.Errorf("%s: %d findings, want %d:\n%s", name, len(texts), len(want), strings.Join(texts, "\n"))
		return
	}
	for i := range want {
		if !strings.HasPrefix(texts[i], want[i]) {
			t.Errorf("%s:\ngot  %s\nwant %s", name, texts[i], want[i])
		}
	}
}

func TestRulesOfConnections(t *testing.T) {
	connections, err := config.Parse(rulesText, 1)
	if err != nil {
		t.Fatal(err)
	}
	options := Options{Connections: connections}
	class, pod, _ := strings.Cut(strings.Replace(strings.Replace(seeded, "    region: eu-west-par\n"+idLine,
		"    connection: team\n", 1),
		"        nodePublishSecretRef: {name: okms}\n", "", 1), "---\n")
	both := class + "---\n" + pod
	lines := func(text string) []Source { return []Source{{"x.yaml", text}} }
	change := func(text, from, to string) string {
		t.Helper()
		if !strings.Contains(text, from) {
			t.Fatalf("%q is not there", from)
		}
		return strings.Replace(text, from, to, 1)
	}
	expect(t, "allowed", Check(lines(both), options))
	expect(t, "a pod of a named account",
		Check(lines(change(both, "  containers:", "  serviceAccountName: web\n  containers:")), options))
	expect(t, "no pod", Check(lines(class), options))
	expect(t, "another path", Check(lines(change(both, "prod/shop/flags", "prod/pay/card")), options),
		`18:9 OVH501 objects[3].secretPath: connection "team" does not allow "prod/pay/card" to service account "default" of namespace "shop"; it allows prod/shop/**`)
	expect(t, "a folder above", Check(lines(change(both, "{path: prod/shop/features}", "{path: prod}")), options),
		`24:9 OVH501 objects[5].find: connection "team" does not allow all secrets below "prod/" to`)
	expect(t, "a secret of a template",
		Check(lines(change(both, "secrets: {db: prod/shop/db}", "secrets: {db: prod/db}")), options),
		`15:9 OVH501 objects[2].secrets: connection "team" does not allow "prod/db"`)
	got := found(Check(lines(change(both, "  containers:", "  serviceAccountName: other\n  containers:")), options))
	if len(got) != 7 || !strings.Contains(got[0], "it allows nothing") {
		t.Errorf("another account: %q", got)
	}
	expect(t, "no pod, another path", Check(lines(change(class, "prod/shop/flags", "prod/pay/card")), options),
		`18:9 OVH501 objects[3].secretPath: connection "team" does not allow "prod/pay/card" to any pod of namespace "shop"`)
	unnamed := change(class, ", namespace: shop}", "}")
	expect(t, "no namespace", Check(lines(change(unnamed, "prod/shop/flags", "prod/pay/card")), options))
	options.Namespace = "shop"
	expect(t, "a namespace by option", Check(lines(change(unnamed, "prod/shop/flags", "prod/pay/card")), options),
		"18:9 OVH501")
	expect(t, "no such connection", Check(lines(change(class, "connection: team", "connection: taem")), options),
		`7:5 OVH501 there is no connection "taem" in the file of connections; did you mean "team"?`)
	expect(t, "no such connection of an object",
		Check(lines(change(class, "optional: true", "connection: taem")), options),
		`19:9 OVH501 objects[3].connection: there is no connection "taem" in the file of connections; did you mean "team"?`)
	expect(t, "the default one", Check(lines(change(class, "    connection: team\n", "")), options),
		`7:5 OVH501 there is no connection "default"`)
	expect(t, "an object's own", Check(lines(change(seeded, "optional: true", "connection: team")), options))
	expect(t, "an object's own, not allowed",
		Check(lines(change(change(seeded, "optional: true", "connection: team"), "prod/shop/flags", "prod/pay/card")),
			options), "19:9 OVH501 objects[3].secretPath")
}

func TestAllowedEndpoints(t *testing.T) {
	endpoints, err := place.ParseEndpoints([]string{"localhost:8443"})
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(seeded, "region: eu-west-par", "endpoint: https://localhost:8443", 1)
	expect(t, "allowed", Check([]Source{{"x", text}}, Options{Endpoints: endpoints}))
	expect(t, "not allowed", Check([]Source{{"x", text}}, Options{}), "7:5 OVH104")
}

func TestAgainstAppliedClasses(t *testing.T) {
	for name, c := range map[string]struct {
		from, to string
		want     []string
	}{
		"the same":     {"shop", "shop", nil},
		"another file": {"objectName: url", "objectName: link", nil},
		"a folder": {"objectName: db/password\n", "objectName: db\n",
			[]string{`12:9 OVH502 objects[0]: "db" is a folder in the applied class and becomes a file`}},
		"a file": {"objectName: url", "objectName: url/x",
			[]string{`18:9 OVH502 objects[2]: "url" is a file in the applied class and becomes a folder`}},
		"a folder of keys": {"allKeys: true", "secretKey: a", []string{`15:9 OVH502 objects[1]: "tls" is a folder`}},
		"the default name": {"- secretPath: prod/shop/flags\n",
			"- secretPath: prod/shop/flags\n        allKeys: true\n        objectName: flags\n",
			[]string{`21:9 OVH502 objects[3]: "flags" is a file`}},
		"another namespace": {"namespace: shop}\nspec:\n  provider", "namespace: pay}\nspec:\n  provider",
			[]string{"47:49 OVH302"}},
	} {
		changed := strings.Replace(strings.Replace(seeded, "{objectName: db/password, key: password}",
			"{objectName: chain.pem, key: password}", 1), c.from, c.to, 1)
		applied := strings.Replace(seeded, "    okmsId", "    brokn: x\n    okmsId", 1) // what is applied may be wrong
		expect(t, name, Check([]Source{{"x", changed}}, Options{Applied: []Source{{"cluster", applied}}}), c.want...)
	}
}

// TestPlacesInQuotedTexts: charts and JSON write objects as a text in quotes.
func TestPlacesInQuotedTexts(t *testing.T) {
	const head = "kind: SecretProviderClass\nmetadata: {name: shop}\nspec:\n  provider: ovhcloud\n  parameters:\n    " +
		"connection: team\n    objects: "
	for name, c := range map[string][2]string{
		"double quotes":         {`"- secretPath: a\n- secretPath: b\n  ‸secretKy: c\n"`, "OVH102 objects[1].secretKy"},
		"double quotes, folded": {"\"- secretPath: a\\n\\\n      - ‸secretPat: b\\n\"", "OVH102 objects[1].secretPat"},
		"an escaped backslash": {`"- secretPath: a\n  objectName: \"x\\\\n\"\n- secretPath: b\n  ‸secretKy: c\n"`,
			"OVH102 objects[1].secretKy"},
		"single quotes":       {"'- secretPath: a\n\n      - ‸secretPat: b'", "OVH102 objects[1].secretPat"},
		"a literal":           {"|-\n      - secretPath: ä\n      - ‸secretPat: b", `OVH102 objects[1].secretPat`},
		"a literal, indented": {"|2\n        - secretPath: a\n        - ‸secretPat: b", "OVH102 objects[1].secretPat"},
		"in a flow": {"|\n      - {secretPath: ünï, optional: maybe, ‸secretKy: c}\n",
			"OVH102 objects[0].secretKy"},
		"YAML": {"|\n      - secretPath: a\n      -‸secretPath: b\n",
			"OVH102 parameters.objects: is not YAML: line 9, column 8"},
		"YAML in quotes": {`"- secretPath: a\n-‸secretPath: b\n"`, "OVH102 parameters.objects: is not YAML: line 7"},
	} {
		before, after, _ := strings.Cut(c[0], "‸")
		text := head + before
		line, column := 1+strings.Count(text, "\n"), 1+len([]rune(text[strings.LastIndexByte(text, '\n')+1:]))
		text += after
		all := Run([]Source{{"x", text}})
		i := slices.IndexFunc(all, func(f Finding) bool { return strings.HasPrefix(f.ID+" "+f.Message, c[1]) })
		switch {
		case i < 0:
			t.Errorf("%s: %q", name, found(all))
		case name == "YAML in quotes":
		case all[i].Line != line || all[i].Column != column:
			t.Errorf("%s: got %d:%d, want %d:%d", name, all[i].Line, all[i].Column, line, column)
		}
	}
}

// TestListsInJSON reads what kubectl get -o json prints.
func TestListsInJSON(t *testing.T) {
	list := map[string]any{"kind": "List", "items": []any{map[string]any{
		"kind": "SecretProviderClass", "metadata": map[string]any{"name": "a"},
		"spec": map[string]any{"provider": "ovhcloud",
			"parameters": map[string]any{"connection": "x", "objects": "- secretPath: a\n- secretKey: b\n"}},
	}}}
	text, err := json.MarshalIndent(list, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	column := 1 + strings.Index(strings.Split(string(text), "\n")[10], "secretKey")
	expect(t, "JSON", Run([]Source{{"x", string(text)}}),
		fmt.Sprint("11:", column)+" OVH102 objects[1].secretPath: is missing")
}

// TestAliases: objects of Kubernetes may have anchors, unlike the provider's own texts.
func TestAliases(t *testing.T) {
	text := strings.Replace(seeded, "  parameters:\n    region: eu-west-par\n",
		"  parameters: &p\n    region: &r eu-west-par\n", 1)
	expect(t, "an anchor", Run([]Source{{"x", text}}))
	other := "kind: SecretProviderClass\nbase: &b {region: eu-west-par, okmsId: " +
		"734b9b45-8b1a-469c-b140-b10bd6540017}\nmetadata: {name: a}\nspec:\n  provider: ovhcloud\n" +
		"  parameters:\n    <<: *b\n    objects: |\n      - secretPath: a\n"
	expect(t, "a merged map", Run([]Source{{"x", other}}))
	expect(t, "a mistake in a merged map", Run([]Source{{"x", strings.Replace(other, "region:", "regoin:", 1)}}),
		"2:11 OVH101 parameters.regoin")
}

func TestClassesOfOneName(t *testing.T) {
	class, _, _ := strings.Cut(seeded, "---\n")
	expect(t, "twice", Run([]Source{{"a.yaml", class}, {"b.yaml", class}}), `3:18 OVH402 class "shop" is in a.yaml:1 too`)
	expect(t, "in two namespaces",
		Run([]Source{{"a.yaml", class}, {"b.yaml", strings.Replace(class, "namespace: shop", "namespace: pay", 1)}}))
}

func TestTLSOfAWholeSecret(t *testing.T) {
	text := strings.Replace(seeded,
		"    - secretName: db\n      type: Opaque\n      data:\n        - {objectName: db/password, key: password}",
		"    - secretName: db\n      type: kubernetes.io/tls\n      data:\n        - {objectName: flags, key: tls.crt}\n   "+
			"     - {objectName: chain.pem, key: tls.key}", 1)
	text = strings.Replace(text, "optional: true", "objectVersion: 3", 1)
	expect(t, "a whole secret", Run([]Source{{"x", text}}), "34:24 OVH203 objects[3] is a whole secret as JSON")
}
