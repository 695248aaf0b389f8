// SPDX-License-Identifier: Apache-2.0

package messages

import (
	"encoding/base64"
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/grpc/status"

	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

// mistake is a wrong class or Secret, and the same after the text of the pod's event was
// followed: that mount must succeed. The texts are in testdata/mistakes.txt.
type mistake struct {
	name    string
	objects string            // empty means a valid list
	set     map[string]string // attributes, as in harness.Mount
	secrets map[string]string // nil for the reader's token
	// fixed is what the author of the class or the Secret corrects. It is nil if the author
	// cannot correct the mistake.
	fixed *corrected
}

type corrected struct {
	objects string
	set     map[string]string
	secrets map[string]string
}

// mistakesStore starts a daemon whose store has the secrets of the rows.
func mistakesStore(t *testing.T) *harness.Daemon {
	t.Helper()
	d := harness.Start(t, harness.Options{})
	d.Store.Hold(t, map[string]string{
		"prod/db":    `{"user":"app","password":"hunter2","port":5432}`,
		"prod/tls":   `{"tls.crt":"C","tls.key":"K","app":{"ca.crt":"A"}}`,
		"prod/hosts": `{"hosts":[{"name":"a"},{"name":"b"}],"a/b":"x"}`,
		"prod/blob":  `{"hex":"0xdeadbeef","url":"_-8","std":"+/8=","lines":"3q2+\n7w==","odd":"a!b="}`,
		"prod/one":   `{"a":"1"}`,
		"prod/empty": `{}`,
	})
	d.Store.Hold(t, map[string]string{"prod/one": `{"a":"2"}`, "prod/off": `{"a":"1"}`})
	d.Store.Hold(t, map[string]string{"prod/off": `{"a":"2"}`})
	if err := d.Store.SetState("prod/off", 2, emulator.Deactivated); err != nil {
		t.Fatal(err)
	}
	if err := d.Store.AddToken("may-nothing", emulator.Identity{Name: "nobody", Actions: []string{}}); err != nil {
		t.Fatal(err)
	}
	if err := d.Store.AddClient(harness.ClientID, harness.ClientSecret, emulator.Identity{Name: "service"}); err != nil {
		t.Fatal(err)
	}
	return d
}

var (
	requestID = regexp.MustCompile(`OKMS\.[0-9a-f-]{36}`)
	timeStamp = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC`)
)

// shown returns what an event shows of an error, without the parts that differ from run to
// run.
func shown(d *harness.Daemon, err error) string {
	text := status.Code(err).String() + ": " + strings.TrimPrefix(status.Convert(err).Message(),
		"SecretProviderClass store/shop: ")
	text = strings.ReplaceAll(text, d.Store.URL, "https://STORE")
	text = strings.ReplaceAll(text, strings.TrimPrefix(d.Store.URL, "https://"), "STORE")
	return timeStamp.ReplaceAllString(requestID.ReplaceAllString(text, "OKMS.ID"), "TIME")
}

func (m mistake) mount() harness.Mount {
	if m.objects == "" {
		m.objects = "- secretPath: prod/db\n"
	}
	return harness.Mount{Objects: m.objects, Attributes: m.set, Secrets: m.secrets}
}

// eventsOf returns the texts of a file by the names of the rows.
func eventsOf(t *testing.T, file string) map[string]string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	events := map[string]string{}
	for _, one := range strings.Split(string(content), "\n# ")[1:] {
		name, text, _ := strings.Cut(strings.TrimSpace(one), "\n")
		events[name] = text
	}
	return events
}

// The mistakes are those of users of other providers and of External Secrets Operator,
// typing errors, and those of public threads.
func TestTypicalMistakes(t *testing.T) {
	t.Parallel()
	d, events := mistakesStore(t), eventsOf(t, "testdata/mistakes.txt")
	all := mistakes(d)
	if len(all) != len(events) {
		t.Errorf("%d mistakes, %d events", len(all), len(events))
	}
	for _, m := range all {
		t.Run(m.name, func(t *testing.T) {
			_, err := d.Do(t.Context(), m.mount())
			if err == nil {
				t.Fatal("the mount succeeded")
			}
			if got, want := shown(d, err), events[m.name]; got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "planted") {
				t.Errorf("a secret is shown: %v", err)
			}
			if m.fixed == nil {
				return
			}
			after := mistake{objects: m.fixed.objects, set: m.fixed.set, secrets: m.fixed.secrets}
			if files, err := d.Do(t.Context(), after.mount()); err != nil || len(files) == 0 {
				t.Errorf("the advice does not help: %d files, %v", len(files), err)
			}
		})
	}
}

// changed returns the entries of all maps.
func changed(all ...map[string]string) map[string]string {
	sum := map[string]string{}
	for _, one := range all {
		maps.Copy(sum, one)
	}
	return sum
}

// mistakes returns the rows.
func mistakes(d *harness.Daemon) []mistake {
	return append(append(mistakesOfPlace(d), mistakesOfCredentials(d)...),
		append(mistakesOfObjects(), mistakesOfContent(d)...)...)
}

const db = "- secretPath: prod/db\n"

func mistakesOfPlace(d *harness.Daemon) []mistake {
	elsewhere := map[string]string{"endpoint": ""}
	vault := d.Store.URL + "/api/" + d.Store.OKMSID()
	good := &corrected{}
	return []mistake{
		{name: "a region of Public Cloud", set: changed(elsewhere, map[string]string{"region": "GRA11"})},
		{name: "the region's name in the Control Panel", set: changed(elsewhere,
			map[string]string{"region": "Europe (France - Paris)"})},
		{name: "an availability zone", set: changed(elsewhere, map[string]string{"region": "EU-WEST-PAR-A"})},
		{name: "a template in place of the region", set: changed(elsewhere,
			map[string]string{"region": "{{ .Values.region }}"})},
		{name: "neither region nor endpoint", set: elsewhere, fixed: good},
		{name: "region and endpoint", set: map[string]string{"region": "eu-west-par"}, fixed: good},
		{name: "the address of Vault's API", set: map[string]string{"endpoint": vault + "/v1/secret"},
			fixed: &corrected{set: map[string]string{"endpoint": vault}}},
		{name: "the address of a read", set: map[string]string{"endpoint": vault + "/v1/secret/data/prod/db"},
			fixed: &corrected{set: map[string]string{"endpoint": vault}}},
		{name: "no https", set: map[string]string{"endpoint": strings.TrimPrefix(d.Store.URL, "https://")}, fixed: good},
		{name: "another Vault", set: map[string]string{"endpoint": "https://vault.example:8200"}},
		{name: "no okmsId", set: map[string]string{"okmsId": ""}, fixed: good},
		{name: "a name in place of the okmsId", set: map[string]string{"okmsId": "my-okms"}, fixed: good},
		{name: "the okmsId of another domain", set: map[string]string{"okmsId": "00000000-0000-4000-8000-000000000000"},
			fixed: good},
		{name: "a caBundle in base64",
			set: map[string]string{"caBundle": base64.StdEncoding.EncodeToString(d.Store.Server.CA)}, fixed: good},
		{name: "a caBundle on one line",
			set: map[string]string{"caBundle": strings.ReplaceAll(string(d.Store.Server.CA), "\n", " ")}, fixed: good},
		{name: "no caBundle for a private authority", set: map[string]string{"caBundle": ""}, fixed: good},
		{name: "connection and all the rest", set: map[string]string{"connection": "team"}, fixed: good},
		{name: "the vault provider's parameters", set: map[string]string{"endpoint": "", "vaultAddress": "https://vault:8200",
			"roleName": "app"}, fixed: good},
		{name: "vaultAddress with the endpoint", set: map[string]string{"vaultAddress": "https://vault:8200"}, fixed: good},
		{name: "vaultSkipTLSVerify", set: map[string]string{"vaultSkipTLSVerify": "true"}, fixed: good},
		{name: "the azure provider's parameters", set: map[string]string{"keyvaultName": "kv", "tenantId": "t",
			"usePodIdentity": "false"}, fixed: good},
		{name: "the aws provider's failoverRegion", set: map[string]string{"failoverRegion": "eu-west-rbx"}, fixed: good},
		{name: "the gcp provider's secrets", set: map[string]string{"objects": "", "secrets": db}, fixed: good},
		{name: "ESO's store", set: map[string]string{"secretStoreRef": "okms"}, fixed: good},
		{name: "a token in the class", set: map[string]string{"token": "planted"}, fixed: good},
		{name: "secretObjects within parameters", set: map[string]string{"secretObjects": "[]"}, fixed: good},
		{name: "fields of an object outside of objects", set: map[string]string{"objects": "", "secretPath": "prod/db"},
			fixed: good},
		{name: "a typo in a parameter", set: map[string]string{"okmsId": "", "okmsID": d.Store.OKMSID()}, fixed: good},
		{name: "no objects", set: map[string]string{"objects": ""}, fixed: good},
	}
}

func mistakesOfCredentials(d *harness.Daemon) []mistake {
	good := &corrected{}
	tokenURL := d.Store.URL + emulator.TokenPath
	client := func(change map[string]string) map[string]string {
		return changed(map[string]string{"clientId": harness.ClientID, "clientSecret": harness.ClientSecret,
			"tokenUrl": tokenURL}, change)
	}
	encoded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat(harness.Token, 3)))
	binary := "\x9b\xd1\xf2\x00planted\xff"
	return []mistake{
		{name: "no nodePublishSecretRef", secrets: map[string]string{}, fixed: good},
		{name: "a Secret with other keys", secrets: map[string]string{"vault-token": "planted"}, fixed: good},
		{name: "two kinds", secrets: client(token(harness.Token)), fixed: good},
		{name: "an empty token", secrets: token("\n"), fixed: good},
		{name: "encoded twice", secrets: token(base64.StdEncoding.EncodeToString([]byte(harness.Token))), fixed: good},
		{name: "encoded twice, with line breaks", secrets: token(encoded[:76] + "\n" + encoded[76:]), fixed: good},
		{name: "in quotes", secrets: token(`"` + harness.Token + `"`), fixed: good},
		{name: "Bearer in front", secrets: token("Bearer " + harness.Token), fixed: good},
		{name: "the whole answer", secrets: token(`{"name": "ci", "token": "` + harness.Token + `"}`), fixed: good},
		{name: "the answer of a token endpoint", secrets: token(`{"access_token":"planted","expires_in":3599}`),
			fixed: &corrected{secrets: client(nil)}},
		{name: "raw text under data", secrets: token(binary), fixed: good},
		{name: "an unknown token", secrets: token("eyJ.a.b"), fixed: good},
		{name: "a token without rights", secrets: token("may-nothing"), fixed: good},
		{name: "half a certificate", secrets: map[string]string{"tls.crt": "x"}, fixed: good},
		{name: "a certificate that is none", secrets: map[string]string{"tls.crt": "x", "tls.key": "y"}, fixed: good},
		{name: "half a service account", secrets: map[string]string{"clientId": harness.ClientID},
			fixed: &corrected{secrets: client(nil)}},
		{name: "a wrong client secret", secrets: client(map[string]string{"clientSecret": "planted"}),
			fixed: &corrected{secrets: client(nil)}},
		{name: "a client secret encoded twice",
			secrets: client(map[string]string{"clientSecret": base64.StdEncoding.EncodeToString([]byte(harness.ClientSecret))}),
			fixed:   &corrected{secrets: client(nil)}},
		{name: "a token endpoint of another provider",
			secrets: client(map[string]string{"tokenUrl": "https://login.example/token"}),
			fixed:   &corrected{secrets: client(nil)}},
	}
}

func mistakesOfObjects() []mistake {
	row := func(name, objects, after string) mistake {
		m := mistake{name: name, objects: objects}
		if after != "" {
			m.fixed = &corrected{objects: after}
		}
		return m
	}
	password := db + "  secretKey: password\n"
	return []mistake{
		row("a mode that Helm made decimal", password+"  filePermission: 256\n", password+"  filePermission: \"0400\"\n"),
		row("another one", password+"  filePermission: 420\n", password+"  filePermission: \"0644\"\n"),
		row("a mode for others alone", db+"  filePermission: 0604\n", db+"  filePermission: \"0644\"\n"),
		row("a mode in letters", db+"  filePermission: rw-r--r--\n", db+"  filePermission: \"0440\"\n"),
		row("ESO's remote reference", "- key: prod/db\n  property: password\n", password),
		row("ESO's remoteRef", "- secretKey: password\n  remoteRef: {key: prod/db, property: password}\n", password),
		row("the path and the key as in Vault's CLI", db+"  key: password\n", password),
		row("the azure provider's object", "- objectName: prod/db\n  objectType: secret\n  objectVersion: \"\"\n",
			"- secretPath: prod/db\n"),
		row("the azure provider's alias", db+"  objectAlias: app.json\n", db+"  objectName: app.json\n"),
		row("the azure provider's array", "array:\n  - |\n    objectName: prod/db\n    objectType: secret\n", db),
		row("the aws provider's jmesPath", db+"  jmesPath:\n    - {path: password, objectAlias: p}\n",
			db+"  secretKey: password\n  objectName: p\n"),
		row("the aws provider's version", db+"  objectVersionLabel: AWSCURRENT\n", db+"  objectVersion: latest\n"),
		row("the gcp provider's object", "- resourceName: prod/db\n  fileName: db.json\n", db+"  objectName: db.json\n"),
		row("path, name and mode", "- path: prod/db\n  name: db.json\n  mode: \"0400\"\n",
			db+"  objectName: db.json\n  filePermission: \"0400\"\n"),
		row("version", db+"  version: 1\n", db+"  objectVersion: 1\n"),
		row("the vault provider's method", db+"  method: GET\n  secretArgs: {version: 1}\n", db),
		row("an alias and the name", db+"  objectName: a\n  objectAlias: b\n", db+"  objectName: a\n"),
		row("property with allKeys", db+"  allKeys: true\n  property: password\n", db+"  allKeys: true\n"),
		row("an interval", db+"  pollInterval: 1h\n", db+"  refreshInterval: 1h\n"),
		row("an owner of the file", db+"  fsGroup: 1000\n", db),
		row("the region in an object", db+"  region: eu-west-par\n", db),
		row("entries that are texts", "- |\n  secretPath: prod/db\n", db),
		row("objects: >-", "- secretPath: prod/db - secretPath: prod/one", "- secretPath: prod/db\n- secretPath: prod/one\n"),
		row("a no-break space", "- secretPath: prod/db\n\u00a0 objectName: x\n", db+"  objectName: x\n"),
		row("a tab", "- secretPath: prod/db\n\tobjectName: x\n", db+"  objectName: x\n"),
		row("a tab after the dash", "-\tsecretPath: prod/db\n", db),
		row("a template", "- secretPath: {{ .Values.path }}\n", db),
		row("a template in a path", "- secretPath: prod/{{ .Values.name }}\n", db),
		row("typographic quotes", "- secretPath: \u201cprod/db\u201d\n", "- secretPath: \"prod/db\"\n"),
		row("no space after the colon", "- secretPath:prod/db\n", db),
		row("a quote that is not closed", "- secretPath: \"prod/db\n  objectName: x\n",
			"- secretPath: \"prod/db\"\n  objectName: x\n"),
		row("a backslash in double quotes", "- secretPath: prod/tls\n  secretKey: \"app.ca\\.crt\"\n",
			"- secretPath: prod/tls\n  secretKey: 'app.ca\\.crt'\n"),
		row("columns that do not align", "- secretPath: prod/db\n objectName: x\n", db+"  objectName: x\n"),
		row("a list of paths", "- prod/db\n- prod/one\n", "- secretPath: prod/db\n- secretPath: prod/one\n"),
		row("a typo in a field", "- secretpath: prod/db\n", db),
		row("a field twice", db+"  secretKey: user\n  secretKey: password\n", db+"  secretKey: user\n"),
		row("a path of Vault with a slash", "- secretPath: /v1/secret/data/prod/db\n", db),
		row("a slash in front", "- secretPath: /prod/db\n", db),
		row("an encoded path", "- secretPath: prod%2Fdb\n", db),
		row("a wildcard", "- secretPath: prod/*\n", db),
		row("an absolute file", db+"  objectName: /etc/app/db.json\n", db+"  objectName: etc/app/db.json\n"),
		row("version v1", db+"  objectVersion: v1\n", db+"  objectVersion: 1\n"),
		row("optional: yes", db+"  optional: yes\n", db+"  optional: true\n"),
		row("Base64", "- secretPath: prod/blob\n  secretKey: std\n  encoding: Base64\n",
			"- secretPath: prod/blob\n  secretKey: std\n  encoding: base64\n"),
		row("an encoding of the whole secret", "- secretPath: prod/blob\n  encoding: base64\n",
			"- secretPath: prod/blob\n  secretKey: lines\n  encoding: base64\n"),
		row("allKeys and secretKey", db+"  secretKey: user\n  allKeys: true\n", db+"  allKeys: true\n"),
		row("one file twice", "- secretPath: prod/db\n  secretKey: user\n- secretPath: prod/db\n  secretKey: password\n  "+
			"objectName: user\n",
			"- secretPath: prod/db\n  secretKey: user\n- secretPath: prod/db\n  secretKey: password\n"),
		row("a file and a folder", "- secretPath: prod/db\n  objectName: app\n- secretPath: prod/tls\n  objectName: "+
			"app/tls\n",
			"- secretPath: prod/db\n  objectName: app/db\n- secretPath: prod/tls\n  objectName: app/tls\n"),
		row("a path with operators without a name", "- secretPath: prod/hosts\n  secretKey: hosts.#.name\n",
			"- secretPath: prod/hosts\n  secretKey: hosts.#.name\n  objectName: names\n"),
		row("an empty entry", "- secretPath:\n", db),
		row("three mistakes at once",
			"- secretPath: prod/db\n  optional: yes\n- objectName: x\n- secretPath: prod/one\n  mode: 0400\n",
			"- secretPath: prod/db\n  optional: true\n- secretPath: prod/one\n  filePermission: 0400\n"),
	}
}

func mistakesOfContent(d *harness.Daemon) []mistake {
	row := func(name, objects, after string) mistake {
		m := mistake{name: name, objects: objects}
		if after != "" {
			m.fixed = &corrected{objects: after}
		}
		return m
	}
	return []mistake{
		row("a path of Vault", "- secretPath: secret/data/prod/db\n", db),
		row("a path of Vault's API", "- secretPath: v1/secret/data/prod/db\n", db),
		row("no such secret", "- secretPath: prod/DB\n", db),
		row("no such version", "- secretPath: prod/one\n  objectVersion: 9\n",
			"- secretPath: prod/one\n  objectVersion: 2\n"),
		row("a deactivated version", "- secretPath: prod/off\n", "- secretPath: prod/off\n  objectVersion: 1\n"),
		row("no such key", db+"  secretKey: passwd\n", db+"  secretKey: password\n"),
		row("a key of nothing in an array", "- secretPath: prod/hosts\n  secretKey: hosts.#.nme\n  objectName: x\n",
			"- secretPath: prod/hosts\n  secretKey: hosts.#.name\n  objectName: x\n"),
		row("a nested key with a dot", "- secretPath: prod/tls\n  secretKey: app.ca.crt\n",
			"- secretPath: prod/tls\n  secretKey: 'app.ca\\.crt'\n"),
		row("JSONPath", "- secretPath: prod/hosts\n  secretKey: $.hosts[0].name\n  objectName: x\n",
			"- secretPath: prod/hosts\n  secretKey: 'hosts.0.name'\n  objectName: x\n"),
		row("a wildcard in a path", "- secretPath: prod/hosts\n  secretKey: hosts.*.name\n  objectName: x\n", ""),
		row("a key in a block scalar",
			"- secretPath: prod/db\n  objectName: x\n  optional: true\n  secretKey: |\n    password\n", db+"  objectName: "+
				"x\n  secretKey: password\n"),
		row("a key in a block scalar without a name", "- secretPath: prod/db\n  secretKey: |\n    password\n",
			db+"  secretKey: password\n"),
		row("allKeys with a slash", "- secretPath: prod/hosts\n  allKeys: true\n",
			"- secretPath: prod/hosts\n  allKeys: true\n- secretPath: prod/hosts\n  secretKey: a/b\n  objectName: a-b\n"),
		row("hex with 0x", "- secretPath: prod/blob\n  secretKey: hex\n  encoding: hex\n", ""),
		row("base64url as base64", "- secretPath: prod/blob\n  secretKey: url\n  encoding: base64\n",
			"- secretPath: prod/blob\n  secretKey: url\n  encoding: base64url\n"),
		row("base64 as base64url", "- secretPath: prod/blob\n  secretKey: std\n  encoding: base64url\n",
			"- secretPath: prod/blob\n  secretKey: std\n  encoding: base64\n"),
		row("no base64 at all", "- secretPath: prod/blob\n  secretKey: odd\n  encoding: base64\n",
			"- secretPath: prod/blob\n  secretKey: odd\n"),
		row("hex that is none", db+"  secretKey: user\n  encoding: hex\n", db+"  secretKey: user\n"),
		row("a secret without keys", "- secretPath: prod/empty\n  allKeys: true\n", ""),
		row("an encoding of a number", db+"  secretKey: port\n  encoding: base64\n", db+"  secretKey: port\n"),
	}
}
