// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// seeded is a class and a pod without a mistake.
const seeded = `apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata: {name: shop, namespace: shop}
spec:
  provider: ovhcloud
  parameters:
    region: eu-west-par
    okmsId: 734b9b45-8b1a-469c-b140-b10bd6540017
    objects: |
      - secretPath: prod/shop/db
        secretKey: password
        objectName: db/password
      - secretPath: prod/shop/tls
        allKeys: true
        objectName: tls
      - secrets: {db: prod/shop/db}
        template: "{{ .db.user }}"
        objectName: url
      - secretPath: prod/shop/flags
        optional: true
      - secretPath: prod/shop/pem
        secretKey: pem
        objectName: chain.pem
        certificate: {part: chain}
      - find: {path: prod/shop/features}
        objectName: features
      - secretPath: prod/shop/env
        format: env
        keys: [user, password]
  secretObjects:
    - secretName: db
      type: Opaque
      data:
        - {objectName: db/password, key: password}
---
` + podText

// seed is a mistake: what it replaces, and by what. A ‸ stands before each place where it is found,
// if there is one in the new text; else the finding is at the place of the new text.
type seed struct{ change, by, want string }

const idLine = "    okmsId: 734b9b45-8b1a-469c-b140-b10bd6540017\n"

// seeds are mistakes, each with its ID and the beginning of its message.
var seeds = []seed{
	// Parameters.
	{"region: eu", "‸regoin: eu", `OVH101 parameters.regoin: unknown parameter; did you mean "region"?`},
	{"okmsId: 7", "‸okmsID: 7", `OVH101 parameters.okmsID: unknown parameter; did you mean "okmsId"?`},
	{idLine, idLine + "    ‸sidecar: x\n", "OVH101 parameters.sidecar: unknown parameter; valid are"},
	{idLine, idLine + "    ‸roleName: x\n",
		"OVH101 parameters.roleName: unknown parameter; drop it: OKMS has no Kubernetes logins"},
	{idLine, idLine + "    ‸vaultSkipTLSVerify: \"true\"\n",
		"OVH101 parameters.vaultSkipTLSVerify: unknown parameter; drop it: the server's certificate is always checked"},
	{idLine, idLine + "    ‸secretPath: x\n",
		"OVH101 parameters.secretPath: unknown parameter; move it into an entry of objects"},
	{"region: eu-west-par", "‸region: GRA11",
		`OVH101 parameters.region: "GRA11" is not a region of OKMS; did you mean "eu-west-gra"?`},
	{"region: eu-west-par", "‸region: '{{ .Values.region }}'",
		"OVH101 parameters.region: \"{{ .Values.region }}\" is a template that was not rendered"},
	{"region: eu-west-par", "‸region: 'nowhere'", `OVH101 parameters.region: "nowhere" is not the name of a region`},
	{"okmsId: 734b9b45-", "‸okmsId: 734b9b4-", "OVH101 parameters.okmsId:"},
	{"okmsId: 734b9b45-8b1a-469c-b140-b10bd6540017", "‸okmsId: ${OKMS_ID}",
		`OVH101 parameters.okmsId: "${OKMS_ID}" is a template that was not rendered`},
	{"    region: eu-west-par\n" + idLine, "    ‸region: eu-west-par\n", "OVH101 parameters.okmsId: is missing"},
	{"    region: eu-west-par\n", "", "OVH101 parameters.region: is missing"},
	{"    region: eu-west-par\n", "    endpoint: https://x.okms.ovh.net\n    ‸region: eu-west-par\n",
		"OVH101 parameters.region: cannot be combined with endpoint"},
	{"region: eu-west-par", "‸endpoint: https://eu-west-par.okms.ovh.net/api/00000000-0000-0000-0000-000000000000",
		"OVH101 parameters.endpoint: ends in another okmsId"},
	{"region: eu-west-par", "‸endpoint: https://eu-west-par.okms.ovh.net/api/x",
		"OVH101 parameters.endpoint: the text after /api/ is not a UUID"},
	{"region: eu-west-par", "‸endpoint: https://eu-west-par.okms.ovh.net/v1/secret",
		"OVH101 parameters.endpoint: drop /v1/secret at its end"},
	{"region: eu-west-par", "‸endpoint: https://u:p@eu-west-par.okms.ovh.net",
		"OVH101 parameters.endpoint: holds a user name or password; drop it"},
	{"region: eu-west-par", "‸endpoint: eu-west-par.okms.ovh.net",
		"OVH101 parameters.endpoint: does not begin with https://"},
	{"region: eu-west-par", "‸endpoint: ftp://eu-west-par.okms.ovh.net",
		"OVH101 parameters.endpoint: does not begin with https://"},
	{"region: eu-west-par", "‸endpoint: https://eu west", "OVH101 parameters.endpoint: is not a URL"},
	{"region: eu-west-par", "‸endpoint: https://x.okms.ovh.net:0", "OVH101 parameters.endpoint: the port is not a number"},
	{"region: eu-west-par", "‸endpoint: https://x.okms.ovh.net//",
		"OVH101 parameters.endpoint: has a path after the host"},
	{"region: eu-west-par", "‸endpoint: 'https://x.okms.ovh.net#'",
		"OVH101 parameters.endpoint: drop the text after the host"},
	{"region: eu-west-par", "‸endpoint: 'https://[fe80::1%25eth0]'",
		"OVH101 parameters.endpoint: an address with a zone cannot be used"},
	{"region: eu-west-par", "‸endpoint: https://-x-.okms.ovh.net",
		"OVH101 parameters.endpoint: the host is not a valid name or address"},
	{"region: eu-west-par", "‸endpoint: https://okms.example",
		"OVH104 parameters.endpoint: no credential is sent there: https://okms.example is not a host of OVHcloud"},
	{"region: eu-west-par", "‸endpoint: http://x.okms.ovh.net",
		"OVH104 parameters.endpoint: no credential is sent there: http://x.okms.ovh.net is not https"},
	{idLine, idLine + "    ‸api: v1\n", `OVH101 parameters.api: "v1" is not an API of OKMS`},
	{idLine, idLine + "    ‸caBundle: hello\n", "OVH101 parameters.caBundle: holds no certificate in PEM form"},
	{idLine, idLine + "    ‸caBundle: \"-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----\\n\"\n",
		"OVH101 parameters.caBundle: PEM block 1 is not a certificate: its content cannot be read"},
	{idLine, idLine + "    ‸caBundle: \"-----BEGIN PRIVATE KEY-----\\nAAAA\\n-----END PRIVATE KEY-----\\n\"\n",
		"OVH101 parameters.caBundle: PEM block 1 is not a certificate, but a private key"},
	{idLine, idLine + "    ‸caBundle: \"-----BEGIN PUBLIC KEY-----\\nAAAA\\n-----END PUBLIC KEY-----\\n\"\n",
		`OVH101 parameters.caBundle: PEM block 1 is not a certificate, but a "PUBLIC KEY"`},
	{idLine, idLine + "    ‸caBundle: \"-----BEGIN CERTIFICATE-----\\nAA\"\n",
		"OVH101 parameters.caBundle: has lost its line breaks"},
	{idLine, idLine + "    ‸caBundle: " + strings.Repeat("x", 70_000) + "\n",
		"OVH101 parameters.caBundle: is 70000 bytes long"},
	{idLine, idLine + "    ‸refreshInterval: \"30\"\n", `OVH101 parameters.refreshInterval: "30" has no unit; write 30s`},
	{idLine, idLine + "    ‸refreshInterval: 8760h\n", `OVH101 parameters.refreshInterval: "8760h" is too long`},
	{idLine, idLine + "    ‸refreshInterval: -5m\n", `OVH101 parameters.refreshInterval: "-5m" is negative`},
	{idLine, idLine + "    ‸refreshInterval: often\n", `OVH101 parameters.refreshInterval: "often" is not a duration`},
	{idLine, idLine + "    ‸refreshInterval: 30\n",
		`OVH103 parameters.refreshInterval: is no text to Kubernetes; quote it: refreshInterval: "30"`},
	{idLine, idLine + "    ‸api: off\n", `OVH103 parameters.api: is no text to Kubernetes`},
	{idLine, idLine + "    ‸region: eu-west-rbx\n", "OVH101 parameters.region: is given twice, first in line 7"},
	{"objects: |\n", "‸objects:\n",
		"OVH103 parameters.objects: is a list, and Kubernetes takes texts only; write objects: |"},
	{"provider: ovhcloud", "provider: ‸ovhclod", "OVH002 did you mean provider: ovhcloud?"},
	{"provider: ovhcloud", "provider: ‸ovh", "OVH002 did you mean provider: ovhcloud?"},
	{"provider: ovhcloud", "provider: ‸OVHcloud-okms", "OVH002 did you mean provider: ovhcloud?"},
	{"provider: ovhcloud", "provider: ‸secretmanager", "OVH002 the class has an okmsId: did you mean provider: ovhcloud?"},
	{"  provider: ovhcloud\n  parameters:\n    region: eu-west-par\n" + idLine, "  ‸parameters:\n    connection: x\n",
		"OVH002 spec.provider is missing; write provider: ovhcloud"},

	// Objects.
	{"secretKey: password", "‸secretKy: password", `OVH102 objects[0].secretKy: unknown field; did you mean "secretKey"?`},
	{"secretPath: prod/shop/db\n", "‸path: prod/shop/db\n", "OVH102 objects[0].path: unknown field; "},
	{"        secretKey: password\n", "        ‸property: password\n",
		`OVH102 objects[0].property: unknown field; did you mean "secretKey"?`},
	{"optional: true", "‸owner: 1000", "OVH102 objects[3].owner: unknown field; drop it: files belong to root"},
	{"optional: true", "optional: true\n        ‸optional: true",
		"OVH102 objects[3].optional: is given twice, first in line 20"},
	{"optional: true", "‸optional: yes", `OVH102 objects[3].optional: "yes" is neither true nor false`},
	{"optional: true", "‸optional:", "OVH102 objects[3].optional: is empty"},
	{"optional: true", "‸optional: [true]", "OVH102 objects[3].optional: is a list; want a single value"},
	{"optional: true", "‸optional: !x true", `OVH102 objects[3].optional: has the YAML tag "!x"`},
	{"optional: true", "‸optional: &a true", "OVH102 objects[3].optional: anchors and aliases are not supported here"},
	{"secretPath: prod/shop/flags", "‸secretPath: /prod/shop/flags",
		`OVH102 objects[3].secretPath: "/prod/shop/flags" must not begin or end with a slash`},
	{"secretPath: prod/shop/flags", "‸secretPath: v1/secret/data/", `OVH102 objects[3].secretPath:`},
	{"secretPath: prod/shop/flags", "‸secretPath: prod/../flags",
		`OVH102 objects[3].secretPath: "prod/../flags" must not hold the segment ".."`},
	{"secretPath: prod/shop/flags", "‸secretPath: prod/shop/*",
		"OVH102 objects[3].secretPath: \"prod/shop/*\" may hold only letters"},
	{"secretPath: prod/shop/flags", "‸secretPath: " + strings.Repeat("a", 256), "OVH102 objects[3].secretPath:"},
	{"      - secretPath: prod/shop/flags\n        optional", "      - ‸optional",
		"OVH102 objects[3].secretPath: is missing"},
	{"      - secretPath: prod/shop/flags\n        optional", "      - ‸objectName: x\n        optional",
		"OVH102 objects[3].secretPath: is missing; it names the secret, and objectName the file"},
	{"- secretPath: prod/shop/flags\n        optional: true", "- ‸prod/shop/flags",
		"OVH102 objects[3]: is a single value, not a map of fields; write - secretPath: prod/shop/flags"},
	{"- secretPath: prod/shop/flags\n        optional: true", "- ‸'secretPath: prod/shop/flags'",
		"OVH102 objects[3]: is a text, not a map of fields; drop the quotes"},
	{"- secretPath: prod/shop/flags\n", "- ‸|\n        secretPath: prod/shop/flags\n",
		"OVH102 objects[3]: is a text, not a map of fields; drop the | behind the dash"},
	{"objectName: db/password\n", "‸objectName: /db/password\n",
		`OVH102 objects[0].objectName: "/db/password" must be relative to the volume`},
	{"objectName: db/password\n", "‸objectName: ../password\n",
		`OVH102 objects[0].objectName: "../password" must not begin with ".."`},
	{"objectName: db/password\n", "‸objectName: db//password\n",
		"OVH102 objects[0].objectName: \"db//password\" must not hold empty"},
	{"objectName: db/password\n", "‸objectName: \"db\\u0007\"\n",
		"OVH102 objects[0].objectName: \"db\\a\" holds a control character"},
	{"objectName: db/password\n", "‸objectName: '{{ name }}'\n",
		`OVH102 objects[0].objectName: "{{ name }}" cannot be meant as the name of a file`},
	{"objectName: db/password\n", "‸objectName: " + strings.Repeat("d", 256) + "\n", "OVH102 objects[0].objectName:"},
	{"objectName: db/password\n", "‸objectName: " + strings.Repeat("d/", 1600) + "d\n", "OVH102 objects[0].objectName:"},
	{"objectName: chain.pem", "‸objectName: db/password",
		`OVH102 objects[4].objectName: objects[0] already writes the file "db/password"`},
	{"objectName: chain.pem", "‸objectName: tls",
		`OVH102 objects[4].objectName: "tls" is a folder of objects[1] and cannot be a file too`},
	{"objectName: chain.pem", "‸objectName: db/password/x",
		`OVH102 objects[4].objectName: "db/password" is a file of objects[0] and cannot be a folder too`},
	{"objectName: features", "‸objectName: url",
		`OVH102 objects[5].objectName: "url" is a file of objects[2] and cannot be a folder too`},
	{"secretKey: password\n        objectName: db/password\n",
		"secretKey: password\n        filePermission: 0440\n        ‸allKeys: true\n",
		"OVH102 objects[0].allKeys: cannot be combined with secretKey"},
	{"        secretKey: password\n", "        ‸secretKey: " + strings.Repeat("k", 1025) + "\n",
		"OVH102 objects[0].secretKey: is 1025 bytes long"},
	{"- secretPath: prod/shop/pem\n        secretKey: pem\n        objectName: chain.pem\n        certificate: " +
		"{part: chain}", "- ‸secretPath: prod/shop/pem\n        secretKey: \"hosts.#.name.#\"",
		"OVH102 objects[4].objectName: is required where secretKey is a path with operators"},
	{"- secretPath: prod/shop/pem\n        secretKey: pem\n        objectName: chain.pem\n        certificate: " +
		"{part: chain}", "- ‸secretPath: prod/shop/pem\n        secretKey: \"a/..\"",
		`OVH102 objects[4].objectName: is required: the default, "..", must not begin with ".."`},
	{"        secretKey: pem\n        objectName: chain.pem\n        certificate: {part: chain}",
		"        ‸secretKey: \"pem\\n\"", "OVH102 objects[4].secretKey: ends in a line break"},
	{"optional: true", "‸objectVersion: newest", `OVH102 objects[3].objectVersion: "newest" is neither a version number`},
	{"optional: true", "‸objectVersion: 0", `OVH102 objects[3].objectVersion: "0" is neither a version number`},
	{"optional: true", "‸objectVersionHistory: 101",
		`OVH102 objects[3].objectVersionHistory: "101" is not a number of versions`},
	{"optional: true", "objectVersion: 3\n        ‸objectVersionHistory: 2",
		"OVH102 objects[3].objectVersionHistory: cannot be combined with objectVersion"},
	{"optional: true", "‸encoding: base46",
		`OVH102 objects[3].encoding: "base46" is not an encoding; did you mean "base64"?`},
	{"optional: true", "‸encoding: base64", "OVH102 objects[3].encoding: applies to the value of a key"},
	{"optional: true", "‸filePermission: 256", `OVH102 objects[3].filePermission: 256 is decimal for 0400`},
	{"optional: true", "‸filePermission: rw-r", `OVH102 objects[3].filePermission: "rw-r" is not an octal file mode`},
	{"optional: true", "‸filePermission: 0404",
		`OVH102 objects[3].filePermission: "0404" lets others do more than the group`},
	{"optional: true", "‸refreshInterval: 30", `OVH102 objects[3].refreshInterval: "30" has no unit`},
	{"optional: true", "secretKey: a\n        ‸allKeys: true",
		"OVH102 objects[3].allKeys: cannot be combined with secretKey"},
	{"format: env", "‸format: toml", `OVH102 objects[6].format: "toml" is not a format`},
	{"        format: env\n        keys: [user, password]", "        ‸keys: [user, password]",
		"OVH102 objects[6].keys: are for format and certificate"},
	{"keys: [user, password]", "‸keys: user", "OVH102 objects[6].keys: is a single value, not a list"},
	{"keys: [user, password]", "‸keys: []", "OVH102 objects[6].keys: is an empty list"},
	{"keys: [user, password]", "‸keys: [user, user]", `OVH102 objects[6].keys[1]: names the key "user" again`},
	{"keys: [user, password]", "‸keys: [" + strings.Repeat("k", 1025) + "]",
		"OVH102 objects[6].keys[0]: is 1025 bytes long"},
	{"keys: [user, password]", "‸keys: [" + numbers(1001) + "]", "OVH102 objects[6].keys: has 1001 keys"},
	{"certificate: {part: chain}", "certificate: {‸part: root}",
		`OVH102 objects[4].certificate.part: "root" is not a part`},
	{"certificate: {part: chain}", "certificate: {‸keystore: bks, password: {secretPath: a, secretKey: b}}",
		`OVH102 objects[4].certificate.keystore: "bks" is not a keystore`},
	{"certificate: {part: chain}", "certificate: {‸prt: chain}",
		`OVH102 objects[4].certificate.prt: unknown field; did you mean "part"?`},
	{"certificate: {part: chain}", "‸certificate: {}",
		"OVH102 objects[4].certificate: wants part, or keystore with password"},
	{"certificate: {part: chain}", "‸certificate: chain",
		"OVH102 objects[4].certificate: is a single value, not a map of fields"},
	{"certificate: {part: chain}", "‸certificate: {part: leaf, keystore: jks, password: {secretPath: a, secretKey: b}}",
		"OVH102 objects[4].certificate: part and keystore cannot be combined"},
	{"        secretKey: pem\n        objectName: chain.pem\n", "        objectName: chain.pem\n        ‸XX\n",
		"OVH102 parameters.objects: is not YAML: line 23"},
	{"certificate: {part: chain}", "‸certificate: {keystore: jks}",
		"OVH102 objects[4].certificate.password: is missing; a keystore needs one"},
	{"        secretKey: pem\n        objectName: chain.pem\n        certificate",
		"        objectName: chain.pem\n        ‸certificate",
		"OVH102 objects[4].certificate: is made of keys that hold PEM"},
	{"find: {path: prod/shop/features}", "‸find: prod/shop/features",
		"OVH102 objects[5].find: is a single value, not a map of fields"},
	{"find: {path: prod/shop/features}", "‸find: {regexp: x}", "OVH102 objects[5].find.path: is missing"},
	{"find: {path: prod/shop/features}", "find: {‸path: prod//features}",
		`OVH102 objects[5].find.path: "prod//features" must not begin`},
	{"find: {path: prod/shop/features}", "find: {path: prod, ‸regexp: '('}",
		"OVH102 objects[5].find.regexp: is not a regular expression (RE2): missing closing )"},
	{"find: {path: prod/shop/features}", "find: {path: prod, ‸regexp: '(a{100}){100}'}", "OVH102 objects[5].find.regexp:"},
	{"find: {path: prod/shop/features}", "find: {path: prod, ‸regexp: '" + strings.Repeat("a", 400) + "'}",
		"OVH102 objects[5].find.regexp: is too complex"},
	{"find: {path: prod/shop/features}", "find: {path: prod, ‸regexp: '" + strings.Repeat("a", 513) + "'}",
		"OVH102 objects[5].find.regexp: is 513 bytes long"},
	{"objectName: features", "objectName: features\n        ‸objectVersion: 3",
		"OVH102 objects[5].objectVersion: cannot be a number where find selects several secrets"},
	{"secrets: {db: prod/shop/db}", "‸secrets: prod/shop/db",
		"OVH102 objects[2].secrets: is a single value, not a map of names and paths"},
	{"secrets: {db: prod/shop/db}", "‸secrets: {}", "OVH102 objects[2].secrets: names no secret"},
	{"secrets: {db: prod/shop/db}", "secrets: {‸db-1: prod/shop/db}",
		"OVH102 objects[2].secrets.db-1: a template cannot name it"},
	{"secrets: {db: prod/shop/db}", "secrets: {‸db: /prod}", `OVH102 objects[2].secrets.db: "/prod" must not begin`},
	{"secrets: {db: prod/shop/db}", "‸secrets: {" + strings.Repeat("a: b, ", 101) + "}",
		"OVH102 objects[2].secrets: names 101 secrets"},
	{"- secrets: {db: prod/shop/db}\n        template: \"{{ .db.user }}\"\n", "- ‸secrets: {db: prod/shop/db}\n",
		"OVH102 objects[2].secrets: are for a template"},
	{"template: \"{{ .db.user }}\"", "‸template: \"{{ .bd.user }}\"",
		`OVH102 objects[2].template: line 1, column 4 of the template: there is no secret "bd"`},
	{"template: \"{{ .db.user }}\"", "‸template: \"{{ .db.user | upcase }}\"",
		`OVH102 objects[2].template: line 1, column 15 of the template: there is no function "upcase"`},
	{"template: \"{{ .db.user }}\"", "‸template: \"{{ .db.user | required }}\"", "OVH102 objects[2].template: "},
	{"template: \"{{ .db.user }}\"", "‸template: \"{{ if .db }}\"", "OVH102 objects[2].template: "},
	{"template: \"{{ .db.user }}\"", "‸template: \"none\"", `OVH102 objects[2].template: does not use the secret "db"`},
	{"template: \"{{ .db.user }}\"", "‸template: '{{ .db.user }}{{ template \"x\" }}'",
		`OVH102 objects[2].template: calls the template "x", which it does not define`},
	{"template: \"{{ .db.user }}\"",
		"‸template: '{{ .db.user }}{{ define \"x\" }}{{ template \"x\" }}{{ end }}{{ template \"x\" }}'",
		"OVH102 objects[2].template: has a template that calls itself"},
	{"template: \"{{ .db.user }}\"", "‸template: '{{ .db.user }}" + strings.Repeat("{{ if true }}", 200) + "'",
		"OVH102 objects[2].template: line 1 of the template: more than"},
	{"template: \"{{ .db.user }}\"", "‸template: '{{ " + strings.Repeat("(", 200) + "'",
		"OVH102 objects[2].template: line 1 of the template: more than"},
	{"template: \"{{ .db.user }}\"", "‸template: '{{ .db.user }}{{ print " + strings.Repeat("1 ", 20_000) + "}}'",
		"OVH102 objects[2].template: line 1 of the template: more than"},
	{"template: \"{{ .db.user }}\"", "‸template: '{{ .db.user }}" + strings.Repeat("x", 66_000) + "'",
		"OVH102 objects[2].template: is 66014 bytes long"},
	{"secrets: {db: prod/shop/db}\n        template", "‸template", "OVH102 objects[2].template: has no secrets"},
	{"- secrets: {db: prod/shop/db}\n        template: \"{{ .db.user }}\"\n        objectName: url\n",
		"- ‸secrets: {db: prod/shop/db}\n        template: \"{{ .db.user }}\"\n",
		"OVH102 objects[2].objectName: is required: a file of several"},
	{"      - secretPath: prod/shop/flags\n", "      - secretPath: prod/shop/flags\n        ‸x: y\n",
		"OVH102 objects[3].x: unknown field"},
	{"      - secretPath: prod/shop/flags\n", "      -‸secretPath: prod/shop/flags\n",
		"OVH102 parameters.objects: is not YAML: line 19, column 8: a space is missing after the dash"},
	{"      - secretPath: prod/shop/flags\n", "      - secretPath:‸prod/shop/flags\n",
		"OVH102 parameters.objects: is not YAML: line 19, column 20: a space is missing after the colon"},
	{"      - secretPath: prod/shop/flags\n", "      - secretPath: ‸\"prod/shop/flags\n",
		"OVH102 parameters.objects: is not YAML: line 19, column 21: the quote"},

	{"secretPath: prod/shop/flags", "‸secretPath: secret/data/prod/shop/flags",
		`OVH105 objects[3].secretPath: "secret/data/prod/shop/flags" begins like a path of Vault's API; write "prod/shop/flags"`},
	{"secrets: {db: prod/shop/db}", "‸secrets: {db: secret/data/prod/shop/db}",
		`OVH105 objects[2].secrets: "secret/data/prod/shop/db" begins like a path of Vault's API; write "prod/shop/db"`},

	{"find: {path: prod/shop/features}", "‸find: {path: secret/data/prod/shop/features}",
		`OVH105 objects[5].find: "secret/data/prod/shop/features" begins like a path of Vault's API; write`},

	// Mirrored Secrets.
	{"objectName: db/password, key", "objectName: ‸db/pasword, key", `OVH201 the class makes no file "db/pasword"`},
	{"objectName: db/password, key", "objectName: ‸flags, key", "OVH202 objects[3] is optional"},
	{"- secretName: db\n      type: Opaque", "- ‸secretName: db\n      type: kubernetes.io/dockerconfigjson",
		"OVH203 Kubernetes refuses a Secret of the type kubernetes.io/dockerconfigjson without .dockerconfigjson"},
	{"- secretName: db\n      type", "- ‸type", "OVH204 secretName is missing"},
	{"- secretName: db\n      type: Opaque", "- ‸secretName: db", "OVH204 type is missing"},
	{"- secretName: db\n      type: Opaque\n      data:\n        - {objectName: db/password, key: password}",
		"- ‸secretName: db\n      type: Opaque", "OVH204 data is missing"},
	{"{objectName: db/password, key: password}", "‸{objectName: db/password}", "OVH204 key is missing"},
	{"{objectName: db/password, key: password}", "‸{key: password}", "OVH204 objectName is missing"},
	{"{objectName: db/password, key: password}",
		"{objectName: db/password, key: password}\n        - {objectName: db/password, key: ‸password}",
		`OVH204 key "password" is given twice`},
	{"        - {objectName: db/password, key: password}",
		"        - {objectName: db/password, key: password}\n    - secretName: ‸db\n      type: Opaque\n      data: " +
			"[{objectName: url, key: url}]", `OVH204 Secret "db" is given twice`},

	// Pods.
	{"secretProviderClass: shop", "secretProviderClass: ‸shp", `OVH301 there is no class "shp" in these files`},
	{"volumeAttributes: {secretProviderClass: shop}", "volumeAttributes: {}",
		"OVH301 volumeAttributes name no secretProviderClass"},
	{"csi:\n        driver: secrets-store.csi.k8s.io\n        readOnly: true\n",
		"csi:\n        ‸driver: secrets-store.csi.k8s.io\n", "OVH303 set readOnly: true"},
	{"        nodePublishSecretRef: {name: okms}\n", "", "OVH304 name a Secret with a login"},
	{"{secretProviderClass: shop}", "{secretProviderClass: shop, ‸region: eu-west-rbx}",
		`OVH306 replaces the parameter "region"`},
	{"{secretProviderClass: shop}", "{secretProviderClass: shop, ‸regoin: eu-west-rbx}",
		`OVH308 class "shop" with these volumeAttributes: parameters.regoin: unknown parameter`},
	{"{name: web, image: nginx}",
		"{name: web, image: nginx, volumeMounts: [{name: secrets, mountPath: /x, ‸subPath: url}]}",
		"OVH309 new versions do not reach a mount by subPath"},
	{"kind: Pod", "kind: ‸[Pod", "OVH001 is not YAML: line 37, column 7: the bracket [ is not closed"},
}

// numbers returns so many different numbers.
func numbers(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprint(i))
	}
	return strings.Join(all, ", ")
}

// plant returns the text with a mistake, and the place of the mark in it, 0 if it has none.
func plant(t *testing.T, s seed) (text string, line, column int) {
	t.Helper()
	if strings.Count(seeded, s.change) == 0 {
		t.Fatalf("%q is not in the text", s.change)
	}
	text = strings.Replace(seeded, s.change, s.by, 1)
	if before, after, marked := strings.Cut(text, "‸"); marked {
		line, column = 1+strings.Count(before, "\n"), len(before)-strings.LastIndexByte(before, '\n')
		text = before + after
	}
	return text, line, column
}

func TestSeededMistakes(t *testing.T) {
	if got := Run([]Source{{"x.yaml", seeded}}); len(got) > 0 {
		t.Fatal(got)
	}
	for _, s := range seeds {
		text, line, column := plant(t, s)
		got := slices.DeleteFunc(Run([]Source{{"x.yaml", text}}), func(f Finding) bool { return f.ID == unused.ID })
		i := slices.IndexFunc(got, func(f Finding) bool { return strings.HasPrefix(f.ID+" "+f.Message, s.want) })
		if i < 0 || line > 0 && (got[i].Line != line || got[i].Column != column) || len(got) > 1 {
			t.Errorf("%.80q by %.80q:\nwant %d:%d %s", s.change, s.by, line, column, s.want)
			for _, f := range got {
				t.Errorf("got  %d:%d %s %.200s", f.Line, f.Column, f.ID, f.Message)
			}
		}
	}
}
