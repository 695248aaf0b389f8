// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/provider/plan"
	"ovhcloud-csi-provider/provider/plan/plantest"
)

func TestInvalidParameters(t *testing.T) {
	cases := []struct {
		name   string
		change changes
		kind   failure.Kind
		want   string
	}{
		{"unknown parameter", changes{plantest.Without("region"), plantest.With("regoin", "x")},
			failure.Invalid, `parameters.regoin: unknown parameter; did you mean "region"?`},
		{"unknown parameter, the right one is given", changes{plantest.With("regoin", "x")}, failure.Invalid,
			`parameters.regoin: unknown parameter; drop it: region is given already`},
		{"unknown parameter, nothing near", changes{plantest.With("sidecar", "x")}, failure.Invalid,
			`parameters.sidecar: unknown parameter; valid are connection, region, endpoint, okmsId, caBundle, api, refreshInterval, objects`},
		{"a parameter without counterpart", changes{plantest.With("roleName", "x")}, failure.Invalid,
			`parameters.roleName: unknown parameter; drop it: OKMS has no Kubernetes logins and no roles; the credential ` +
				`comes from nodePublishSecretRef or a connection`},
		{"case of a parameter",
			changes{plantest.Without("okmsId"), plantest.With("okmsID", plantest.TestDomain)}, failure.Invalid,
			`parameters.okmsID: unknown parameter; did you mean "okmsId"?`},
		{"the only parameter, misspelt",
			changes{plantest.Without("objects"), plantest.With("object", "- secretPath: a")}, failure.Invalid,
			`parameters.object: unknown parameter; did you mean "objects"?`},
		{"an unknown api", changes{plantest.With("api", "v1")}, failure.Invalid,
			`parameters.api: "v1" is not an API of OKMS; valid are kv2 (default) and rest`},
		{"an interval without a unit", changes{plantest.With("refreshInterval", "30")}, failure.Invalid,
			`parameters.refreshInterval: "30" has no unit; write 30s, or another duration such as 30m`},
		{"an interval of a year", changes{plantest.With("refreshInterval", "8760h")}, failure.Invalid,
			`parameters.refreshInterval: "8760h" is too long; at most 168 hours are possible`},
		{"an interval of nonsense", changes{plantest.With("refreshInterval", "often")}, failure.Invalid,
			`parameters.refreshInterval: "often" is not a duration, such as 90s, 30m or 12h`},
		{"an interval before now", changes{plantest.With("refreshInterval", "-5m")}, failure.Invalid,
			`parameters.refreshInterval: "-5m" is negative; 0 asks as often as --cache-ttl says`},
		{"API of a connection",
			changes{plantest.Without("region"), plantest.Without("okmsId"), plantest.With("connection", "team"),
				plantest.With("api", "rest")}, failure.Invalid,
			`parameters.connection: cannot be combined with api and nodePublishSecretRef: a connection has its own; drop connection, or drop api and nodePublishSecretRef`},
		{"no region", changes{plantest.Without("region")}, failure.Invalid,
			"parameters.region: is missing; give a region, such as eu-west-par, or an endpoint"},
		{"region and endpoint", changes{plantest.With("endpoint", "https://eu-west-par.okms.ovh.net")},
			failure.Invalid, "parameters.region: cannot be combined with endpoint; drop one of them"},
		{"region with a host in it", changes{plantest.With("region", "evil.example/x#")}, failure.Invalid,
			`parameters.region: "evil.example/x#" is not the name of a region, such as eu-west-par; the known regions are ` +
				strings.Join(place.KnownRegions(), ", ")},
		{"no okmsId", changes{plantest.Without("okmsId")}, failure.Invalid,
			"parameters.okmsId: is missing; it is the UUID of the OKMS domain"},
		{"invalid okmsId", changes{plantest.With("okmsId", "prod/../x")}, failure.Invalid,
			`parameters.okmsId: "prod/../x" is not a UUID, such as 734b9b45-8b1a-469c-b140-b10bd6540017`},
		{"endpoint of another domain",
			changes{endpoint("https://eu-west-par.okms.ovh.net/api/00000000-0000-0000-0000-000000000000")},
			failure.Invalid,
			"parameters.endpoint: ends in another okmsId (00000000-0000-0000-0000-000000000000) than the parameter okmsId (" +
				plantest.TestDomain + ")"},
		{"endpoint with a wrong okmsId",
			changes{endpoint("https://eu-west-par.okms.ovh.net/api/x")},
			failure.Invalid,
			"parameters.endpoint: the text after /api/ is not a UUID; write https://<host>/api/<okmsId>"},
		{"endpoint with a path",
			changes{endpoint("https://eu-west-par.okms.ovh.net/v1")},
			failure.Invalid,
			"parameters.endpoint: drop /v1 at its end; write https://<host>, or https://<host>/api/<okmsId>"},
		{"endpoint with a password",
			changes{endpoint("https://u:planted@eu-west-par.okms.ovh.net")},
			failure.Invalid,
			"parameters.endpoint: holds a user name or password; drop it; write https://<host>, or " +
				"https://<host>/api/<okmsId>"},
		{"endpoint without scheme",
			changes{endpoint("eu-west-par.okms.ovh.net")},
			failure.Invalid,
			"parameters.endpoint: does not begin with https://; write https://<host>, or https://<host>/api/<okmsId>"},
		{"endpoint elsewhere",
			changes{endpoint("https://okms.evil.example")},
			failure.EndpointRefused,
			"parameters.endpoint: no credential is sent there: https://okms.evil.example is not a host of OVHcloud, and " +
				"the provider's --allow-endpoint does not name it; use a host of OVHcloud, or ask the " +
				"cluster's administrator to add this one"},
		{"endpoint in plain http",
			changes{endpoint("http://eu-west-par.okms.ovh.net")},
			failure.EndpointRefused,
			"parameters.endpoint: no credential is sent there: http://eu-west-par.okms.ovh.net is not https; plain http " +
				"is for loopback addresses that --allow-endpoint names as http://…"},
		{"endpoint at another port",
			changes{endpoint("https://eu-west-par.okms.ovh.net:8443")},
			failure.EndpointRefused,
			"parameters.endpoint: no credential is sent there: https://eu-west-par.okms.ovh.net:8443 is not a host of " +
				"OVHcloud, and the provider's --allow-endpoint does not name it; use a host of OVHcloud, or ask " +
				"the cluster's administrator " +
				"to add this one"},
		{"caBundle without PEM", changes{plantest.With("caBundle", "hello")}, failure.Invalid,
			"parameters.caBundle: holds no certificate in PEM form; give the text from -----BEGIN CERTIFICATE----- to " +
				"-----END CERTIFICATE-----"},
		{"an endless caBundle", changes{plantest.With("caBundle", strings.Repeat("x", 70_000))},
			failure.Invalid,
			"parameters.caBundle: is 70000 bytes long; at most 65536 are read; give the authority of the endpoint only"},
		{"a path of a file that is too long",
			changes{plantest.Objects("- secretPath: a",
				"  objectName: "+strings.Repeat(strings.Repeat("d", 200)+"/", 16)+"f")},
			failure.Invalid,
			`objects[0].objectName: "` + strings.Repeat("d", 80) + `…" is 3217 bytes long; a path has at most 3072 (line 2)`},
		{"caBundle with a key",
			changes{plantest.With("caBundle", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")},
			failure.Invalid,
			"parameters.caBundle: PEM block 1 is not a certificate, but a private key; remove it, and replace that key: " +
				"anyone who can read this text has it"},
		{"no credentials", changes{plantest.Credentials(nil)}, failure.NoCredential,
			"nodePublishSecretRef: " + noCredentials},
		{"Secret of another kind",
			changes{plantest.Credentials(map[string]string{"username": "x", "password": "y"})},
			failure.NoCredential,
			`nodePublishSecretRef: no credential: neither token, nor tls.crt with tls.key, nor clientId with ` +
				`clientSecret; its keys are "password", "username"; rename them`},
		{"no objects", changes{plantest.Without("objects")}, failure.Invalid,
			"parameters.objects: is missing; it lists the secrets to mount"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			kind, text := refused(t, c.change...)
			if text != c.want || kind != c.kind {
				t.Errorf("got  %s: %s\nwant %s: %s", kind, text, c.kind, c.want)
			}
			if strings.Contains(text, "planted") {
				t.Error("the message shows a credential")
			}
		})
	}
}

func TestInvalidObjects(t *testing.T) {
	const list = `secretPath, find, secrets, objectName, secretKey, allKeys, keys, format, certificate, template, ` +
		`objectVersion, objectVersionHistory, …`
	cases := []struct{ name, objects, want string }{
		{"empty", "", "parameters.objects: is empty; it lists the secrets to mount"},
		{"only a comment", "# nothing\n", "parameters.objects: is empty; it lists the secrets to mount"},
		{"empty list", "[]", "parameters.objects: is an empty list; it lists the secrets to mount"},
		{"null", "~", "parameters.objects: is empty, not a YAML list; each entry begins with a dash: - secretPath: …"},
		{"a map", "secretPath: a",
			"parameters.objects: is a map, not a YAML list; each entry begins with a dash: - secretPath: …"},
		{"a word", "prod/shop/db",
			"parameters.objects: is a single value, not a YAML list; each entry begins with a dash: - secretPath: …"},
		{"azure's array of strings", "array:\n  - |\n    objectName: a\n",
			"parameters.objects: is a map, not a YAML list; drop the line array: above the entries, and a | behind their " +
				"dashes"},
		{"two documents", "- secretPath: a\n---\n- secretPath: b\n",
			"parameters.objects: holds more than one YAML document (---)"},
		{"a tab", "- secretPath: a\n\tobjectName: b\n",
			"parameters.objects: is not YAML: line 2, column 1: the line is indented with a tab; replace it with spaces"},
		{"invalid YAML", "- secretPath: [a\n",
			"parameters.objects: is not YAML: line 1, column 15: the bracket [ is not closed"},
		{"a NUL byte", "- secretPath: \"a\x00b\"\n",
			"parameters.objects: is not YAML: line 1: control characters are not allowed"},
		{"a NUL by escape", `- secretPath: "a\0b"`,
			`objects[0].secretPath: "a\x00b" may hold only letters, digits and _ . : / = @ - (line 1)`},
		{"a list of words", "- prod/shop/db",
			"objects[0]: is a single value, not a map of fields; write - secretPath: prod/shop/db (line 1)"},
		{"a list of lists", "- [a]", "objects[0]: is a list, not a map of fields (line 1)"},
		{"a field's name for terminals", "- secretPath: a\n  \"\\e[2K\\nobjects[9]\": x\n",
			`objects[0]."\x1b[2K\nobjects[9]": unknown field; valid are ` + list + " (line 2)"},
		{"a misspelt secretPath", "- secretpath: a\n",
			`objects[0].secretpath: unknown field; did you mean "secretPath"? (line 1)`},
		{"an unknown field", "- secretPath: a\n  filePermisson: 0400\n",
			`objects[0].filePermisson: unknown field; did you mean "filePermission"? (line 2)`},
		{"a field of the vault provider", "- secretPath: a\n  method: GET\n",
			"objects[0].method: unknown field; drop it: OKMS takes no arguments with a read (line 2)"},
		{"find and a path", "- secretPath: a\n  find: {path: x}\n",
			"objects[0].find: cannot be combined with secretPath; drop one of them (line 2)"},
		{"find without a path", "- find: {regexp: x}\n", "objects[0].find.path: is missing (line 1)"},
		{"find that is a text", "- find: prod/\n", "objects[0].find: is a single value, not a map of fields (line 1)"},
		{"find with another field", "- find:\n    path: x\n    regex: x\n",
			"objects[0].find.regex: unknown field; did you mean \"regexp\"? (line 3)"},
		{"find with a bad path", "- find: {path: a//b}\n",
			`objects[0].find.path: "a//b" must not begin or end with a slash, nor hold two in a row; write a/b (line 1)`},
		{"find with a bad pattern", "- find: {path: a, regexp: \"(\"}\n",
			`objects[0].find.regexp: is not a regular expression (RE2): missing closing ): "(" (line 1)`},
		{"find with a heavy pattern", "- find: {path: a, regexp: \"((x{30}){30})\"}\n",
			`objects[0].find.regexp: is too complex: it takes more than 250 steps for each character; repeat less (line 1)`},
		{"find of a number", "- find: {path: a}\n  objectVersion: 3\n",
			"objects[0].objectVersion: cannot be a number where find selects several secrets; use latest or latest-active " +
				"(line 2)"},
		{"template without secrets", "- template: x\n  objectName: a\n",
			"objects[0].template: has no secrets; give secrets: {name: path/of/the/secret} (line 1)"},
		{"secrets without a template", "- secrets: {a: b}\n  objectName: a\n",
			"objects[0].secrets: are for a template; give template, or secretPath for one secret (line 1)"},
		{"a template without a name", "- secrets: {a: b}\n  template: '{{ .a.b }}'\n",
			"objects[0].objectName: is required: a file of several secrets or keys has no name of its own (line 1)"},
		{"a template of another secret", "- secrets: {store: b}\n  template: |\n    x\n    {{ .stroe.b }}\n  objectName: a\n",
			`objects[0].template: line 2, column 4 of the template: there is no secret "stroe"; did you mean "store"? (line 2)`},
		{"a source without a name", "- secrets: {a-b: c}\n  template: x\n  objectName: a\n",
			"objects[0].secrets.a-b: a template cannot name it; use letters, digits and _, and no digit first (line 1)"},
		{"a source without a path", "- secrets: {a: {objectVersion: 3}}\n  template: '{{ .a.b }}'\n  objectName: a\n",
			"objects[0].secrets.a.secretPath: is missing (line 1)"},
		{"an unknown format", "- secretPath: a\n  format: yml\n",
			`objects[0].format: "yml" is not a format; did you mean "yaml"? (line 2)`},
		{"format and a key", "- secretPath: a\n  secretKey: k\n  format: yaml\n",
			"objects[0].format: cannot be combined with secretKey; drop one of them (line 3)"},
		{"keys alone", "- secretPath: a\n  keys: [a]\n",
			"objects[0].keys: are for format and certificate; give one of them, or secretKey for one key (line 2)"},
		{"keys that are a text", "- secretPath: a\n  format: env\n  keys: a\n",
			"objects[0].keys: is a single value, not a list; write [first, second] (line 3)"},
		{"a key twice", "- secretPath: a\n  format: env\n  keys: [a, a]\n",
			`objects[0].keys[1]: names the key "a" again; drop one of them (line 3)`},
		{"a certificate of nothing", "- secretPath: a\n  certificate: {part: leaf}\n  objectName: x\n",
			"objects[0].certificate: is made of keys that hold PEM; give secretKey for one, or keys for several (line 2)"},
		{"an unknown part", "- secretPath: a\n  secretKey: k\n  certificate: {part: root}\n",
			`objects[0].certificate.part: "root" is not a part; valid are leaf, chain, key, bundle (line 3)`},
		{"a part and a keystore",
			"- secretPath: a\n  secretKey: k\n  certificate: {part: leaf, keystore: jks, password: {secretPath: a, " +
				"secretKey: b}}\n",
			"objects[0].certificate: part and keystore cannot be combined; use an object for each (line 3)"},
		{"a keystore without a password", "- secretPath: a\n  secretKey: k\n  certificate: {keystore: jks}\n",
			"objects[0].certificate.password: is missing; a keystore needs one: {secretPath: …, secretKey: …} (line 3)"},
		{"no part", "- secretPath: a\n  secretKey: k\n  certificate: {}\n",
			"objects[0].certificate: wants part, or keystore with password (line 3)"},
		{"a long history", "- secretPath: a\n  objectVersionHistory: 101\n",
			`objects[0].objectVersionHistory: "101" is not a number of versions from 1 to 100 (line 2)`},
		{"a history of a version", "- secretPath: a\n  objectVersion: 3\n  objectVersionHistory: 2\n",
			"objects[0].objectVersionHistory: cannot be combined with objectVersion; drop one of them (line 3)"},
		{"a field twice", "- secretPath: a\n  secretPath: b\n",
			"objects[0].secretPath: is given twice, first in line 1; drop one of them (line 2)"},
		{"a merge key", "- secretPath: a\n  <<: {}\n", "objects[0].\"<<\": unknown field; valid are " + list + " (line 2)"},
		{"a map as a field's name", "- secretPath: a\n  {x: y}: z\n",
			"objects[0]: the name of a field is a map, not a word (line 2)"},
		{"an alias", "- secretPath: &p a\n- secretPath: *p\n",
			"2 errors:\n- objects[0].secretPath: anchors and aliases are not supported here (line 1)\n- " +
				"objects[1].secretPath: anchors and aliases are not supported here (line 2)"},
		{"an anchored object", "- &o\n  secretPath: a\n", "objects[0]: is an anchor (&o), not a map of fields (line 1)"},
		{"an aliased object", "- &o\n  secretPath: a\n- *o\n",
			"2 errors:\n- objects[0]: is an anchor (&o), not a map of fields (line 1)\n- objects[1]: is an alias, not a " +
				"map of fields (line 3)"},
		{"a list as a value", "- secretPath: [a]\n", "objects[0].secretPath: is a list; want a single value (line 1)"},
		{"an empty value", "- secretPath:\n", "objects[0].secretPath: is empty (line 1)"},
		{"binary", "- secretPath: !!binary aGk=\n",
			`objects[0].secretPath: has the YAML tag "!!binary"; want a plain value (line 1)`},
		{"no secretPath", "- objectName: a\n",
			"objects[0].secretPath: is missing; it names the secret, and objectName the file (line 1)"},
		{"a leading slash", "- secretPath: /a\n",
			`objects[0].secretPath: "/a" must not begin or end with a slash, nor hold two in a row; write a (line 1)`},
		{"dot segments", "- secretPath: a/../b\n",
			`objects[0].secretPath: "a/../b" must not hold the segment ".." (line 1)`},
		{"a percent sign", "- secretPath: a%2Fb\n",
			`objects[0].secretPath: "a%2Fb" may hold only letters, digits and _ . : / = @ -; write a/b (line 1)`},
		{"a space", "- secretPath: a b\n",
			`objects[0].secretPath: "a b" may hold only letters, digits and _ . : / = @ - (line 1)`},
		{"unicode", "- secretPath: clé\n",
			`objects[0].secretPath: "clé" may hold only letters, digits and _ . : / = @ - (line 1)`},
		{"a long path", "- secretPath: " + strings.Repeat("a", 256),
			`objects[0].secretPath: "` + strings.Repeat("a", 80) + `…" is 256 characters long; OKMS allows 255 (line 1)`},
		{"an absolute file", "- secretPath: a\n  objectName: /etc/passwd\n",
			`objects[0].objectName: "/etc/passwd" must be relative to the volume, without a slash in front (line 2)`},
		{"a file above the volume", "- secretPath: a\n  objectName: ../x\n",
			`objects[0].objectName: "../x" must not begin with ".." (line 2)`},
		{"a file of the atomic writer", "- secretPath: a\n  objectName: ..data\n",
			`objects[0].objectName: "..data" must not begin with ".." (line 2)`},
		{"a file path with ..", "- secretPath: a\n  objectName: x/../../y\n",
			`objects[0].objectName: "x/../../y" must not hold empty, "." or ".." elements, nor end with a slash (line 2)`},
		{"a file with a line break", "- secretPath: a\n  objectName: \"x\\ny\"\n",
			`objects[0].objectName: "x\ny" holds a control character or is not UTF-8 (line 2)`},
		{"a long file name", "- secretPath: a\n  objectName: " + strings.Repeat("n", 256),
			`objects[0].objectName: "` + strings.Repeat("n", 80) + `…" has an element of 256 bytes; a file name has at ` +
				`most 255 (line 2)`},
		{"a key that is not a file name", "- secretPath: a\n  secretKey: ..\n",
			`objects[0].objectName: is required: the default, "..", must not begin with ".." (line 1)`},
		{"a long key", "- secretPath: a\n  secretKey: " + strings.Repeat("k", 1025),
			"objects[0].secretKey: is 1025 bytes long; at most 1024 are read (line 2)"},
		{"a decimal mode", "- secretPath: a\n  filePermission: 0948\n",
			`objects[0].filePermission: "0948" is not an octal file mode from 0400 to 0777, such as "0440" (line 2)`},
		{"setuid", "- secretPath: a\n  filePermission: 04755\n",
			`objects[0].filePermission: "04755" is not an octal file mode from 0400 to 0777, such as "0440" (line 2)`},
		{"a mode in words", "- secretPath: a\n  filePermission: rw-r--r--\n",
			`objects[0].filePermission: "rw-r--r--" is not an octal file mode from 0400 to 0777, such as "0440" (line 2)`},
		{"a negative mode", "- secretPath: a\n  filePermission: -1\n",
			`objects[0].filePermission: "-1" is not an octal file mode from 0400 to 0777, such as "0440" (line 2)`},
		{"version 0", "- secretPath: a\n  objectVersion: 0\n",
			`objects[0].objectVersion: "0" is neither a version number from 1 to 24000, nor latest, nor latest-active (line 2)`},
		{"version 24001", "- secretPath: a\n  objectVersion: 24001\n",
			`objects[0].objectVersion: "24001" is neither a version number from 1 to 24000, nor latest, nor latest-active (line 2)`},
		{"version 1.5", "- secretPath: a\n  objectVersion: 1.5\n",
			`objects[0].objectVersion: "1.5" is neither a version number from 1 to 24000, nor latest, nor latest-active (line 2)`},
		{"version v3", "- secretPath: a\n  objectVersion: v3\n",
			`objects[0].objectVersion: "v3" is neither a version number from 1 to 24000, nor latest, nor latest-active (line 2)`},
		{"optional: yes", "- secretPath: a\n  optional: yes\n",
			`objects[0].optional: "yes" is neither true nor false (line 2)`},
		{"allKeys: 1", "- secretPath: a\n  allKeys: 1\n", `objects[0].allKeys: "1" is neither true nor false (line 2)`},
		{"an unknown encoding", "- secretPath: a\n  secretKey: k\n  encoding: bas64\n",
			`objects[0].encoding: "bas64" is not an encoding; did you mean "base64"? (line 3)`},
		{"an encoding of a whole secret", "- secretPath: a\n  encoding: hex\n",
			"objects[0].encoding: applies to the value of a key; give secretKey or allKeys too (line 2)"},
		{"allKeys and secretKey", "- secretPath: a\n  secretKey: k\n  allKeys: true\n",
			"objects[0].allKeys: cannot be combined with secretKey; drop one of them (line 3)"},
		{"one file twice", "- secretPath: x/a\n- secretPath: y/a\n",
			`objects[1].objectName: objects[0] already writes the file "a"; give another objectName (line 2)`},
		{"a file and a folder", "- secretPath: a\n- secretPath: b\n  objectName: a/b\n",
			`objects[1].objectName: "a" is a file of objects[0] and cannot be a folder too; give another objectName (line 3)`},
		{"a folder and a file", "- secretPath: b\n  objectName: a/b\n- secretPath: a\n",
			`objects[1].objectName: "a" is a folder of objects[0] and cannot be a file too; give another objectName (line 3)`},
		{"a file and a folder of keys", "- secretPath: a\n- secretPath: b\n  allKeys: true\n  objectName: a\n",
			`objects[1].objectName: "a" is a file of objects[0] and cannot be a folder too; give another objectName (line 4)`},
		{"a folder of keys and a file", "- secretPath: b\n  allKeys: true\n  objectName: a\n- secretPath: a\n",
			`objects[1].objectName: "a" is a folder of objects[0] and cannot be a file too; give another objectName (line 4)`},
		{"a folder of keys below a file", "- secretPath: a\n- secretPath: b\n  allKeys: true\n  objectName: a/b\n",
			`objects[1].objectName: "a" is a file of objects[0] and cannot be a folder too; give another objectName (line 4)`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			kind, text := refused(t, plantest.With("objects", c.objects))
			if text != c.want || kind != failure.Invalid {
				t.Errorf("got  %s: %s\nwant %s: %s", kind, text, failure.Invalid, c.want)
			}
		})
	}
}

func TestAllErrorsAreReportedInTheOrderOfTheObjects(t *testing.T) {
	objects := plantest.Objects(
		"- secretPath: /a", "  optional: yes",
		"- secretPath: b",
		"- secretPath: c", "  objectName: b",
		"- objectName: d",
	)
	_, text := refused(t, plantest.Without("region"), plantest.With("regoin", "x"), plantest.Credentials(nil), objects)
	want := `6 errors:
- parameters.regoin: unknown parameter; did you mean "region"?
- nodePublishSecretRef: ` + noCredentials + `
- objects[0].secretPath: "/a" must not begin or end with a slash, nor hold two in a row; write a (line 1)
- objects[0].optional: "yes" is neither true nor false (line 2)
- objects[2].objectName: objects[1] already writes the file "b"; give another objectName (line 5)
- objects[3].secretPath: is missing; it names the secret, and objectName the file (line 6)`
	if text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}

func TestAMessageSaysThatThereMayBeMoreErrors(t *testing.T) {
	var misspelt strings.Builder
	for range 300 {
		misspelt.WriteString("- secretPth: a\n")
	}
	_, text := refused(t, plantest.With("objects", misspelt.String()))
	if !strings.HasSuffix(text, "- objects: there may be more errors; fix these first") {
		t.Errorf("got … %s", text[len(text)-300:])
	}
	_, text = refused(t, plantest.With("okmsUUID", "x"), plantest.Without("okmsId"),
		plantest.With("region", "evil.example"))
	if !strings.Contains(text, "is not the name of a region") || !strings.Contains(text, "did you mean") {
		t.Errorf("got %s", text)
	}
}

func TestTheMostSevereKindIsKeptAmongManyFailures(t *testing.T) {
	var c failure.List
	for i := range 2 * failure.Most {
		c.Add(i, failure.KeyAbsent, "x", "y")
	}
	c.Add(failure.WholeClass, failure.NoCredential, "x", "y")
	if kind := (&failure.Error{Failures: c.All()}).Kind(); kind != failure.NoCredential || c.Len() != failure.Most+1 {
		t.Errorf("kind %s of %d failures", kind, c.Len())
	}
}

func TestHugeInputGetsAShortMessage(t *testing.T) {
	var many strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&many, "- secretPath: /wrong%d\n", i)
	}
	cases := map[string]string{
		"1 MiB":           strings.Repeat("- secretPath: aaaaaaaaa\n", 1<<20/24),
		"thousands wrong": many.String(),
		"a bomb of anchors": "- &a [x,x,x,x,x,x,x,x,x]\n- &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n- &c " +
			"[*b,*b,*b,*b,*b,*b,*b,*b,*b]\n- &d [*c,*c,*c,*c,*c,*c,*c]\n- [*d,*d,*d]\n",
		"deep nesting": strings.Repeat("[", 100000),
		"a long name":  "- " + strings.Repeat("x", 200<<10) + ": y\n",
		"many fields":  "- {" + strings.Repeat("a,", 100<<10) + "}",
	}
	for name, text := range cases {
		t.Run(name, func(t *testing.T) {
			if _, got := refused(t, plantest.With("objects", text)); len(got) > 20<<10 {
				t.Errorf("the message has %d bytes", len(got))
			}
			_, failures := plantest.Of(plantest.Request(plantest.With("objects", text)), nil, time.Now())
			if len(failures) > failure.Most+1 {
				t.Errorf("%d failures are kept, want at most %d", len(failures), failure.Most+1)
			}
		})
	}
	var parameters []func(*plan.Request)
	for i := range 2 * failure.Most {
		parameters = append(parameters, plantest.With(fmt.Sprint("unknown", i), "x"))
	}
	_, failures := plantest.Of(plantest.Request(parameters...), nil, time.Now())
	if len(failures) != failure.Most+1 || !strings.Contains(failures[failure.Most].What, "there may be more") {
		t.Errorf("of %d unknown parameters %d failures are kept", len(parameters), len(failures))
	}
	if _, got := refused(t, endpoint("https://x:"+strings.Repeat("0", 900_000))); len(got) > 20<<10 {
		t.Errorf("the message about a port has %d bytes", len(got))
	}
	for objects, want := range map[string]string{
		cases["1 MiB"]:                      "is 1048560 bytes long; at most 262144 are read",
		many.String() + "- secretPath: a\n": "has 1001 entries; at most 1000 are read",
	} {
		want = "parameters.objects: " + want + "; split the list over several classes"
		if _, got := refused(t, plantest.With("objects", objects)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	_, got := refused(t, plantest.With("objects", many.String()))
	if !strings.HasPrefix(got, "201 errors:\n- objects[0].secretPath") || !strings.HasSuffix(got, " more") {
		t.Errorf("got %.100s … %s", got, got[len(got)-100:])
	}
}
