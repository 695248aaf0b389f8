package server_test

import (
	"encoding/base64"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ovhcloud-csi-provider/test/harness"
)

// mistake is something that people do wrong, with all that the event of their pod says.
type mistake struct {
	name  string
	mount harness.Mount
	code  codes.Code
	text  string
}

// byRegion takes the place of the emulator's endpoint. Such a mount fails before any call.
func byRegion(changes ...string) map[string]string {
	m := map[string]string{"endpoint": "", "caBundle": "", "region": "eu-west-par"}
	for i := 0; i+1 < len(changes); i += 2 {
		m[changes[i]] = changes[i+1]
	}
	return m
}

// What differs from one run to the next: the ids of requests, and where the emulator is.
var requestID = regexp.MustCompile(`request [A-Za-z0-9.-]+`)

func TestTypicalMistakes(t *testing.T) {
	d := harness.Start(t, harness.Options{})
	d.Store.Hold(t, map[string]string{
		"prod/shop/db":    `{"username":"shop","password":"planted-value","tls":{"tls.crt":"planted-value"},"hosts":[{"name":"a"}],"blob":"planted_value-"}`,
		"prod/shop/empty": "{}",
	})
	const db = "- secretPath: prod/shop/db\n"
	twice := base64.StdEncoding.EncodeToString([]byte(harness.Token + strings.Repeat("-planted", 8) + "\n"))
	for _, m := range []mistake{
		{"a mode that Helm made decimal", harness.Mount{Objects: db + "  filePermission: 420\n"}, codes.InvalidArgument,
			`SecretProviderClass store/shop: objects[0].filePermission: 420 is decimal for 0644; write filePermission: "0644" (line 2)`},
		{"a mode for others alone", harness.Mount{Objects: db + "  filePermission: 0604\n"}, codes.InvalidArgument,
			`SecretProviderClass store/shop: objects[0].filePermission: "0604" lets others do more than the group; use a mode such as "0400", "0440" or "0644" (line 2)`},
		{"the names of ESO", harness.Mount{Objects: "- key: prod/shop/db\n  property: password\n  version: 3\n"}, codes.InvalidArgument,
			`SecretProviderClass store/shop: 3 errors:
- objects[0].key: unknown field; did you mean "secretPath"? (line 1)
- objects[0].property: unknown field; did you mean "secretKey"? (line 2)
- objects[0].version: unknown field; did you mean "objectVersion"? (line 3)`},
		{"the names of the vault provider", harness.Mount{Objects: "- objectName: db\n  secretPath: prod/shop/db\n  key: password\n  secretArgs: x\n", Attributes: map[string]string{"roleName": "shop", "vaultAddress": "https://vault.example"}}, codes.InvalidArgument,
			`SecretProviderClass store/shop: 4 errors:
- parameters.roleName: unknown parameter; drop it: OKMS has no Kubernetes logins and no roles; the credential comes from nodePublishSecretRef or a connection
- parameters.vaultAddress: unknown parameter; drop it: endpoint is given already
- objects[0].key: unknown field; did you mean "secretKey"? (line 3)
- objects[0].secretArgs: unknown field; drop it: OKMS takes no arguments with a read (line 4)`},
		{"the names of the azure provider", harness.Mount{Objects: db + "  objectType: secret\n  objectAlias: db.json\n", Attributes: map[string]string{"keyvaultName": "shop", "usePodIdentity": "false", "tenantId": "x"}}, codes.InvalidArgument,
			`SecretProviderClass store/shop: 5 errors:
- parameters.keyvaultName: unknown parameter; drop it: it has no counterpart; region and okmsId, or a connection, say where the secrets are
- parameters.tenantId: unknown parameter; drop it: it has no counterpart; region and okmsId, or a connection, say where the secrets are
- parameters.usePodIdentity: unknown parameter; drop it: OKMS has no workload identities; the credential comes from nodePublishSecretRef or a connection
- objects[0].objectType: unknown field; drop it: everything in Secret Manager is a secret; there are no other types (line 2)
- objects[0].objectAlias: unknown field; did you mean "objectName"? (line 3)`},
		{"a region of Public Cloud", harness.Mount{Objects: db, Attributes: byRegion("region", "GRA11")}, codes.InvalidArgument,
			`SecretProviderClass store/shop: parameters.region: "GRA11" is not a region of OKMS; did you mean "eu-west-gra"? Give the region of the OKMS domain; the known regions are eu-west-par, eu-west-rbx, eu-west-gra, eu-west-sbg, eu-west-lim, eu-west-eri, eu-central-waw, eu-south-mil, ca-east-bhs, ca-east-tor, ap-south-mum, ap-southeast-sgp, ap-southeast-syd, us-east-vin, us-west-hil`},
		{"the address of a call as endpoint", harness.Mount{Objects: db, Attributes: byRegion("region", "", "okmsId", "", "endpoint", "https://eu-west-par.okms.ovh.net/api/734b9b45-8b1a-469c-b140-b10bd6540017/v1/secret")}, codes.InvalidArgument,
			`SecretProviderClass store/shop: parameters.endpoint: drop /v1/secret at its end`},
		{"a connection beside all that it has", harness.Mount{Objects: db, Attributes: map[string]string{"connection": "team"}}, codes.InvalidArgument,
			`SecretProviderClass store/shop: parameters.connection: cannot be combined with endpoint, okmsId, caBundle and nodePublishSecretRef: a connection has its own; drop connection, or drop endpoint, okmsId, caBundle and nodePublishSecretRef`},
		{"a certificate authority in base64", harness.Mount{Objects: db, Attributes: map[string]string{"caBundle": base64.StdEncoding.EncodeToString(d.Store.Server.CA)}}, codes.InvalidArgument,
			`SecretProviderClass store/shop: parameters.caBundle: is base64: decode it (base64 -d), and give the PEM text`},
		{"a token that is encoded twice, in lines", harness.Mount{Objects: db, Secrets: map[string]string{"token": twice[:76] + "\n" + twice[76:]}}, codes.Unauthenticated,
			`SecretProviderClass store/shop: nodePublishSecretRef: token holds white space, a control character or a character outside ASCII within; the token looks base64-encoded twice: store it as it is: kubectl create secret --from-literal encodes by itself, and so does stringData in a manifest`},
		{"a token in quotes", harness.Mount{Objects: db, Token: `"` + harness.Token + `"`}, codes.Unauthenticated,
			`SecretProviderClass store/shop: objects[0] "db" (secret "prod/shop/db", latest version): OKMS refused the token 473be8d2 from nodePublishSecretRef (token is not valid; HTTP 401, error code 50475011, request ID); the token is in quotes; store it without them`},
		{"a token with Bearer in front", harness.Mount{Objects: db, Token: "Bearer " + harness.Token}, codes.Unauthenticated,
			`SecretProviderClass store/shop: nodePublishSecretRef: token holds white space, a control character or a character outside ASCII within; the token has "Bearer " or the name of a header in front; store only what follows it`},
		{"the answer of a token endpoint", harness.Mount{Objects: db, Token: `{"access_token":"planted","expires_in":3599}`}, codes.Unauthenticated,
			`SecretProviderClass store/shop: objects[0] "db" (secret "prod/shop/db", latest version): OKMS refused the token 6a426fe0 from nodePublishSecretRef (token is not valid; HTTP 401, error code 50475011, request ID); the token is the answer of a token endpoint; store clientId and clientSecret in its place, since an access token expires within the hour`},
		{"no credential", harness.Mount{Objects: db, Secrets: map[string]string{}}, codes.Unauthenticated,
			`SecretProviderClass store/shop: nodePublishSecretRef: no credentials came with the mount; name a Secret with a token, with tls.crt and tls.key, or with clientId and clientSecret in nodePublishSecretRef of the pod's volume`},
		{"the path of Vault's API", harness.Mount{Objects: "- secretPath: secret/data/prod/shop/db\n"}, codes.NotFound,
			`SecretProviderClass store/shop: objects[0] "db" (secret "secret/data/prod/shop/db", latest version): OKMS has no such secret in domain 734b9b45-8b1a-469c-b140-b10bd6540017 (HTTP 404, error code 17125377, request ID); drop secret/data/: the path is prod/shop/db`},
		{"a path with a slash in front", harness.Mount{Objects: "- secretPath: /prod/shop/db\n"}, codes.InvalidArgument,
			`SecretProviderClass store/shop: objects[0].secretPath: "/prod/shop/db" must not begin or end with a slash, nor hold two in a row; write prod/shop/db (line 1)`},
		{"a path in capitals", harness.Mount{Objects: "- secretPath: Prod/Shop/DB\n"}, codes.NotFound,
			`SecretProviderClass store/shop: objects[0] "DB" (secret "Prod/Shop/DB", latest version): OKMS has no such secret in domain 734b9b45-8b1a-469c-b140-b10bd6540017 (HTTP 404, error code 17125377, request ID); check secretPath, which is case-sensitive, and okmsId; optional: true lets the mount go on without the file`},
		{"a misspelt key", harness.Mount{Objects: db + "  secretKey: pasword\n"}, codes.NotFound,
			`SecretProviderClass store/shop: objects[0] "pasword" (secret "prod/shop/db", latest version): version 1 of the secret has no key "pasword"; did you mean "password"? its keys are "username", "password", "tls", "hosts", "blob"`},
		{"a key from a block scalar", harness.Mount{Objects: db + "  optional: true\n  objectName: password\n  secretKey: |\n    password\n"}, codes.InvalidArgument,
			`SecretProviderClass store/shop: objects[0].secretKey: ends in a line break, and version 1 of the secret has no such key; write secretKey: password on one line, without white space around it`},
		{"a dot that is not escaped", harness.Mount{Objects: db + "  secretKey: tls.tls.crt\n"}, codes.NotFound,
			`SecretProviderClass store/shop: objects[0] "tls.tls.crt" (secret "prod/shop/db", latest version): version 1 of the secret has no key "tls.tls.crt"; write secretKey: 'tls.tls\.crt', since a dot in the name of a key needs a backslash; its keys are "username", "password", "tls", "hosts", "blob"`},
		{"a path with operators, without a name", harness.Mount{Objects: db + "  secretKey: hosts.#.name\n"}, codes.InvalidArgument,
			`SecretProviderClass store/shop: objects[0].objectName: is needed: secretKey is a path with operators (#), which makes no name of a file (line 1)`},
		{"base64url as base64", harness.Mount{Objects: db + "  secretKey: blob\n  encoding: base64\n"}, codes.FailedPrecondition,
			`SecretProviderClass store/shop: objects[0] "blob" (secret "prod/shop/db", latest version): the value of key "blob" is not base64: it has - or _, the signs of base64url; set encoding: base64url`},
		{"a value that is not encoded", harness.Mount{Objects: db + "  secretKey: username\n  encoding: hex\n"}, codes.FailedPrecondition,
			`SecretProviderClass store/shop: objects[0] "username" (secret "prod/shop/db", latest version): the value of key "username" is not hex: character 1 does not belong there`},
		{"all keys of a secret without keys", harness.Mount{Objects: "- secretPath: prod/shop/empty\n  allKeys: true\n"}, codes.FailedPrecondition,
			`SecretProviderClass store/shop: objects[0] (all keys of secret "prod/shop/empty", latest version): version 1 of the secret has no keys`},
		{"a tab", harness.Mount{Objects: "- secretPath: prod/shop/db\n\tobjectName: x\n"}, codes.InvalidArgument,
			`SecretProviderClass store/shop: parameters.objects: is not YAML: line 2, column 1: the line is indented with a tab; replace it with spaces`},
		{"a no-break space", harness.Mount{Objects: "- secretPath: prod/shop/db\n\u00a0 objectName: x\n"}, codes.InvalidArgument,
			`SecretProviderClass store/shop: parameters.objects: is not YAML: line 2, column 1: there is a no-break space (U+00A0); replace it with a plain space`},
		{"entries that were folded into one line", harness.Mount{Objects: "- secretPath: prod/shop/db - secretPath: prod/shop/empty"}, codes.InvalidArgument,
			`SecretProviderClass store/shop: parameters.objects: is not YAML: line 1, column 28: a second entry begins in this line; give each a line of its own; if the text stands below "objects: >", which joins lines, write "objects: |"`},
		{"an entry as a text", harness.Mount{Objects: "- |\n  secretPath: prod/shop/db\n"}, codes.InvalidArgument,
			`SecretProviderClass store/shop: objects[0]: is a text, not a map of fields; drop the | behind the dash (line 1)`},
		{"two files of one name", harness.Mount{Objects: db + "- secretPath: prod/pay/db\n"}, codes.InvalidArgument,
			`SecretProviderClass store/shop: objects[1].objectName: the file "db" is made by objects[0] too (line 2)`},
	} {
		t.Run(m.name, func(t *testing.T) {
			_, err := d.Do(t.Context(), m.mount)
			text := requestID.ReplaceAllString(status.Convert(err).Message(), "request ID")
			text = strings.ReplaceAll(text, d.Store.URL, "STORE")
			if text != m.text || status.Code(err) != m.code {
				t.Errorf("got  %s %s\nwant %s %s", status.Code(err), text, m.code, m.text)
			}
			if strings.Contains(text, "planted") || strings.Contains(text, harness.Token) {
				t.Error("the message shows a value or a credential")
			}
		})
	}
}
