// SPDX-License-Identifier: Apache-2.0

package credential

import (
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"ovhcloud-csi-provider/test/pki"
)

const encodedTwice = "the token looks base64-encoded twice: " + storeUnencoded

// mistakesInAToken are tokens, each with the error of Parse or the hint of the credential.
var mistakesInAToken = []struct{ name, text, err, hint string }{
	{"encoded twice", base64.StdEncoding.EncodeToString([]byte(jwt)), "", encodedTwice},
	{"encoded twice, without padding", base64.RawStdEncoding.EncodeToString([]byte(jwt)), "", encodedTwice},
	{"encoded twice, with the line breaks of base64", twice(jwt), encodedTwice, ""},
	{"encoded twice, with line breaks of Windows", strings.ReplaceAll(twice(jwt), "\n", "\r\n"), encodedTwice, ""},
	{"encoded twice, behind a byte order mark", base64.StdEncoding.EncodeToString([]byte("\ufeff" + jwt)), "",
		encodedTwice},
	{"an opaque token, encoded twice", base64.StdEncoding.EncodeToString([]byte("planted-opaque-token\n")), "",
		encodedTwice},
	{"double quotes", `"` + jwt + `"`, "", "the token is in quotes; store it without them"},
	{"single quotes and a line break", `'` + jwt + "'\n", "", "the token is in quotes; store it without them"},
	{"typographic quotes", "\u201c" + jwt + "\u201d", "the token is in quotes; store it without them", ""},
	{"a quote before it", `"` + jwt, "", "the token is in quotes; store it without them"},
	{"Bearer", "Bearer " + jwt, `the token begins with "Bearer " or the name of a header; store only the text after it`,
		""},
	{"bearer", "bearer\t" + jwt, `the token begins with "Bearer " or the name of a header; store only the text after it`,
		""},
	{"a header", "X-Vault-Token:" + jwt, "",
		`the token begins with "Bearer " or the name of a header; store only the text after it`},
	{"the answer that has the token", `{"creation": "2026-01-01T00:00:00Z", "token": "` + jwt + `"}`,
		"the token is a whole JSON answer; store only the value of its field token, without quotes", ""},
	{"the answer on one line", `{"name":"ci","token":"` + jwt + `"}`, "",
		"the token is a whole JSON answer; store only the value of its field token, without quotes"},
	{"the answer of the token endpoint", `{"access_token":"` + jwt + `","expires_in":3599}`, "",
		"the token is the answer of a token endpoint; store clientId and clientSecret instead, since an access token " +
			"expires within the hour"},
	{"another JSON object", `{"a":1}`, "",
		"the token is a JSON object; store only the value that is the credential, without quotes"},
	{"raw text under data", decoded("q1w2e3r4t5y6u7i8o9p0ABCDEFGH"),
		"the token is binary: a manifest probably has the text under data:, which is decoded; put it under stringData:",
		""},
	{"the header of a token under data", `{"alg":"EdDSA"}`, "",
		"the token is only the decoded header of a token: a manifest probably has the token under data:, which is " +
			"decoded; put it under stringData:"},
	{"UTF-16", utf16LE(jwt),
		"the token is in UTF-16, as PowerShell writes files; write the file as UTF-8 without a byte order mark", ""},
	{"a line break as text", jwt + `\n`, "", `the token ends in the two characters \n; store it without them`},
	{"the name of its variable", "TOKEN=" + jwt, "",
		"the token begins with the name of a variable or field; store only the value"},
	{"a variable that was not replaced", "${PAT}", "",
		"the token is a placeholder, not its value; replace it before you create the Secret"},
	{"a template", "{{ .Values.token }}",
		"the token is a placeholder, not its value; replace it before you create the Secret", ""},
	{"a byte order mark", "\ufeff" + jwt + "\n", "", ""},
	{"a valid token", jwt, "", ""},
	{"the header of a token", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9", "", ""},
	{"an opaque token", "s.9Cgq2mLxZ1kWpQ7vT3hR", "", ""},
	{"a token in hex", "0123456789abcdef0123456789abcdef", "", ""},
}

// TestMistakesInATokenAreExplained: the mistake is in the error if an HTTP header cannot hold the
// token, and else in the hint, which is shown after OKMS has refused the token.
func TestMistakesInATokenAreExplained(t *testing.T) {
	for _, c := range mistakesInAToken {
		t.Run(c.name, func(t *testing.T) {
			got, err := Parse(material(KeyToken, c.text), "x", now)
			if (err == nil) != (c.err == "") || err != nil && err.Error() != c.err {
				t.Errorf("error %v\nwant  %s", err, c.err)
			}
			if got.Hint() != c.hint {
				t.Errorf("hint %q\nwant %q", got.Hint(), c.hint)
			}
			if err != nil && strings.Contains(err.Error(), "planted") || strings.Contains(got.Hint(), "planted") {
				t.Error("the message shows the credential")
			}
		})
	}
	marked, err := Parse(material(KeyToken, "\ufeff"+jwt), "x", now)
	plain, _ := Parse(material(KeyToken, jwt), "x", now)
	if err != nil || marked.ID() != plain.ID() || string(marked.Token().Reveal()) != jwt {
		t.Errorf("a byte order mark changes the token, or error %v", err)
	}
}

func TestMistakesInAClientAreExplained(t *testing.T) {
	const secret = "planted-secret-of-32-characters!"
	for _, c := range []struct{ name, id, secret, err, hint string }{
		{"encoded twice", "EU.id", base64.StdEncoding.EncodeToString([]byte(secret)), "",
			"clientSecret looks base64-encoded twice: " + storeUnencoded},
		{"the id encoded twice", base64.StdEncoding.EncodeToString([]byte("EU.0123456789")), secret, "",
			"clientId looks base64-encoded twice: " + storeUnencoded},
		{"encoded twice, with line breaks", "EU.id", twice(strings.Repeat(secret, 3)),
			"clientSecret looks base64-encoded twice: " + storeUnencoded, ""},
		{"in quotes", "EU.id", `"` + secret + `"`, "", "clientSecret is in quotes; store it without them"},
		{"the answer", "EU.id", `{"clientSecret":"` + secret + `"}`, "",
			"clientSecret is a whole JSON answer; store only the value of its field clientSecret, without quotes"},
		{"a byte order mark", "\ufeffEU.id", "\ufeff" + secret, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Parse(material(KeyClientID, c.id, KeyClientSecret, c.secret), "x", now)
			if (err == nil) != (c.err == "") || err != nil && err.Error() != c.err || got.Hint() != c.hint {
				t.Errorf("error %v\nhint %q\nwant %s %q", err, got.Hint(), c.err, c.hint)
			}
		})
	}
	marked, _ := Parse(material(KeyClientID, "\ufeffEU.id", KeyClientSecret, "\ufeff"+secret), "x", now)
	if marked.Client().ID != "EU.id" || string(marked.Client().Secret.Reveal()) != secret {
		t.Error("clientId or clientSecret still has a byte order mark")
	}
	const url = "https://www.ovh.com/auth/oauth2/token"
	for text, want := range map[string]string{
		base64.StdEncoding.EncodeToString([]byte(url)): "tokenUrl looks base64-encoded twice: " + storeUnencoded,
		`"` + url + `"`: "tokenUrl is in quotes; store it without them",
	} {
		_, err := Parse(material(KeyClientID, "EU.id", KeyClientSecret, secret, KeyTokenURL, text), "x", now)
		if err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

func TestMistakesInACertificateAreExplained(t *testing.T) {
	cert, key := pki.Pair(t, now.Add(-time.Hour), now.Add(time.Hour))
	block, _ := pem.Decode([]byte(cert))
	body := regexp.MustCompile(`-----.*?-----\n`).ReplaceAllString(cert, "")
	for _, c := range []struct{ name, cert, key, want string }{
		{"encoded twice", twice(cert), key, "tls.crt looks base64-encoded twice: " + storeUnencoded},
		{"the key encoded twice", cert, base64.StdEncoding.EncodeToString([]byte(key)),
			"tls.key looks base64-encoded twice: " + storeUnencoded},
		{"both encoded twice, with line breaks of Windows", strings.ReplaceAll(twice(cert), "\n", "\r\n"), twice(key),
			"tls.crt looks base64-encoded twice: " + storeUnencoded},
		{"without its lines", body, key, "tls.crt has no lines -----BEGIN and -----END; store the whole PEM text"},
		{"DER", string(block.Bytes), key,
			"tls.crt is binary (DER or PKCS #12), not PEM; convert it with openssl, or, if a manifest has it under data:, " +
				"put PEM under stringData:"},
		{"line breaks as text", strings.ReplaceAll(cert, "\n", `\n`), key,
			`tls.crt has the two characters \n instead of line breaks; store it with real line breaks`},
		{"in quotes", `"` + cert + `"`, key, "tls.crt is in quotes; store it without them"},
		{"indented", "  " + strings.ReplaceAll(cert, "\n", "\n  "), key,
			"tls.crt holds PEM that cannot be read; was it cut or indented? Store the PEM file as it is"},
		{"a key that was cut", cert, key[:len(key)-40],
			"tls.key holds PEM that cannot be read; was it cut or indented? Store the PEM file as it is"},
		{"on one line", strings.ReplaceAll(cert, "\n", " "), key,
			"tls.crt has lost its line breaks; store the PEM file as it is"},
		{"swapped", key, cert, "tls.crt holds a private key; put the certificate there, and the private key into tls.key"},
		{"the certificate twice", cert, cert,
			"tls.key holds a certificate; put the private key there, and the certificate into tls.crt"},
		{"a byte order mark", "\ufeff" + cert, "\ufeff" + key, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse(material(KeyCertificate, c.cert, KeyPrivateKey, c.key), "x", now)
			if text := fmt.Sprint(err); text != c.want && !(err == nil && c.want == "") {
				t.Errorf("got  %s\nwant %s", text, c.want)
			}
		})
	}
}
