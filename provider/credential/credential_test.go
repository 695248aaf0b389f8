// SPDX-License-Identifier: Apache-2.0

package credential

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"ovhcloud-csi-provider/test/pki"
)

func TestTokens(t *testing.T) {
	for name, text := range map[string]string{
		"as it is": planted, "with a line break": planted + "\n", "with white space around": " \t" + planted + "\r\n",
	} {
		c, err := Parse(material(KeyToken, text), "nodePublishSecretRef", now)
		if err != nil || string(c.Token().Reveal()) != planted || c.Kind() != KindToken || c.Certificate() != nil {
			t.Errorf("%s: got %v, error %v; want the planted token", name, c, err)
		}
		// printf %s eyJ… | sha256sum
		if want := "token 91736fd8 from nodePublishSecretRef"; c.String() != want {
			t.Errorf("%s: prints as %s, want %s", name, c, want)
		}
		if c.Hint() != "" {
			t.Errorf("%s: got the hint %q, want none", name, c.Hint())
		}
	}
}

func TestTokenEncodedTwiceHasAHint(t *testing.T) {
	c, err := Parse(material(KeyToken, "ZXlKaGJHY2lPaUpJVXpJMU5pSjkucGxhbnRlZA=="), "x", now)
	if err != nil || !strings.Contains(c.Hint(), "base64-encoded twice") {
		t.Errorf("got the hint %q, error %v; want a hint that it is encoded twice", c.Hint(), err)
	}
}

func TestTheExpiryOfTokens(t *testing.T) {
	jwt := func(claims string) string {
		return "eyJhbGciOiJIUzI1NiJ9." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
	}
	for claims, want := range map[string]struct {
		end  time.Time
		hint string
	}{
		fmt.Sprintf(`{"exp":%d}`, now.Add(time.Hour).Unix()): {end: now.Add(time.Hour)},
		fmt.Sprintf(`{"exp":%d}`, now.Add(-time.Hour).Unix()): {now.Add(-time.Hour),
			"by its exp claim the token expired on 2026-11-23T11:00:00Z"},
		fmt.Sprintf(`{"exp":%d.5}`, now.Add(time.Hour).Unix()): {end: now.Add(time.Hour)},
		`{"exp":1e300}`:  {},
		`{"exp":null}`:   {},
		`{"exp":"soon"}`: {},
		`{}`:             {},
		`exp`:            {},
	} {
		c, err := Parse(material(KeyToken, jwt(claims)), "x", now)
		if err != nil || !c.Expires().Equal(want.end) || c.Hint() != want.hint {
			t.Errorf("claims %s: got error %v, end %v, hint %q; want %+v", claims, err, c.Expires(), c.Hint(), want)
		}
	}
}

func TestCertificates(t *testing.T) {
	cert, key := pki.Pair(t, now.Add(-time.Hour), now.Add(time.Hour))
	c, err := Parse(material(KeyCertificate, cert, KeyPrivateKey, key, "ca.crt", "of cert-manager"), "x", now)
	if err != nil || c.Kind() != KindCertificate || c.Certificate() == nil || c.Token().Len() != 0 {
		t.Fatalf("got %v, error %v; want a certificate", c, err)
	}
	if text := c.String(); !strings.HasPrefix(text, "certificate ") || !strings.HasSuffix(text, " from x") {
		t.Errorf("prints as %s, want its kind, fingerprint and source", text)
	}
	again, _ := Parse(material(KeyCertificate, cert, KeyPrivateKey, key), "y", now)
	otherCert, otherKey := pki.Pair(t, now.Add(-time.Hour), now.Add(time.Hour))
	other, _ := Parse(material(KeyCertificate, otherCert, KeyPrivateKey, otherKey), "x", now)
	chain, _ := Parse(material(KeyCertificate, cert+otherCert, KeyPrivateKey, key), "x", now)
	if again.ID() != c.ID() || other.ID() == c.ID() || chain.ID() == c.ID() {
		t.Error("equal credentials have different IDs, or different ones the same ID")
	}
	if chain.Fingerprint() != c.Fingerprint() || other.Fingerprint() == c.Fingerprint() {
		t.Error("the fingerprint is not the certificate's")
	}
}

func TestInvalidMaterial(t *testing.T) {
	cert, key := pki.Pair(t, now.Add(-time.Hour), now.Add(time.Hour))
	for _, c := range []struct {
		name     string
		material Material
		want     string
	}{
		{"an endless token", material(KeyToken, strings.Repeat("x", 700_000)),
			"token is 700000 bytes long; at most 16384 are read"},
		{"an endless client", material(KeyClientID, strings.Repeat("x", 700_000), KeyClientSecret, "x"),
			"clientId is 700000 bytes long; at most 16384 are read"},
		{"nothing", nil, "no credential: neither token, nor tls.crt with tls.key, nor clientId with clientSecret"},
		{"only what the driver adds", material("csi.storage.k8s.io/serviceAccount.tokens", planted),
			"no credential: neither token, nor tls.crt with tls.key, nor clientId with clientSecret"},
		{"other keys", material("password", planted, "Token", planted),
			`no credential: neither token, nor tls.crt with tls.key, nor clientId with clientSecret; its keys are ` +
				`"Token", "password"; rename them`},
		{"two kinds", material(KeyToken, planted, KeyCertificate, cert, KeyPrivateKey, key),
			"holds both a token and a certificate; keep exactly one of them"},
		{"a token and a key", material(KeyToken, planted, KeyPrivateKey, key),
			"holds both a token and a certificate; keep exactly one of them"},
		{"an empty token", material(KeyToken, " \n"), "token is empty"},
		{"two lines of token", material(KeyToken, planted+"\n"+planted),
			"token has white space, a control character or a character outside ASCII in it; write one line of printable ASCII"},
		{"a token in unicode", material(KeyToken, planted+"é"),
			"token has white space, a control character or a character outside ASCII in it; write one line of printable ASCII"},
	} {
		t.Run(c.name, func(t *testing.T) { wantInvalid(t, c.material, c.want) })
	}
}

func TestInvalidCertificates(t *testing.T) {
	cert, key := pki.Pair(t, now.Add(-time.Hour), now.Add(time.Hour))
	_, otherKey := pki.Pair(t, now.Add(-time.Hour), now.Add(time.Hour))
	oldCert, oldKey := pki.Pair(t, now.Add(-2*time.Hour), now.Add(-time.Hour))
	newCert, newKey := pki.Pair(t, now.Add(time.Hour), now.Add(2*time.Hour))
	locked := "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"
	lockedOld := "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n" +
		"-----END RSA PRIVATE KEY-----\n"
	largeCert, largeKey := largePair(t)
	switched := "-----BEGIN \x1b[2J-----\nAAAA\n-----END \x1b[2J-----\n"
	for _, c := range []struct {
		name     string
		material Material
		want     string
	}{
		{"an endless certificate", material(KeyCertificate, strings.Repeat(cert, 500), KeyPrivateKey, key),
			"tls.crt is " + fmt.Sprint(500*len(cert)) + " bytes long; at most 65536 are read"},
		{"an endless key", material(KeyCertificate, cert, KeyPrivateKey, strings.Repeat(key, 500)),
			"tls.key is " + fmt.Sprint(500*len(key)) + " bytes long; at most 32768 are read"},
		{"a key that is too large", material(KeyCertificate, largeCert, KeyPrivateKey, largeKey),
			"the key of the certificate in tls.crt has 8704 bits; at most 8192 are supported"},
		{"another kind of PEM", material(KeyCertificate, switched, KeyPrivateKey, key),
			`tls.crt and tls.key do not make a client certificate: failed to find "CERTIFICATE" PEM block in certificate ` +
				`input after skipping PEM blocks of the following types: [?[2J]`},
		{"a certificate without key", material(KeyCertificate, cert),
			"holds only one of tls.crt and tls.key; a client certificate needs both"},
		{"a key without certificate", material(KeyPrivateKey, key),
			"holds only one of tls.crt and tls.key; a client certificate needs both"},
		{"another key", material(KeyCertificate, cert, KeyPrivateKey, otherKey),
			"tls.crt and tls.key do not make a client certificate: private key does not match public key"},
		{"no PEM", material(KeyCertificate, "planted", KeyPrivateKey, "planted"),
			"tls.crt and tls.key do not make a client certificate: failed to find any PEM data in certificate input"},
		{"a passphrase", material(KeyCertificate, cert, KeyPrivateKey, locked),
			"tls.key is protected by a passphrase; store the key without one"},
		{"a passphrase of old", material(KeyCertificate, cert, KeyPrivateKey, lockedOld),
			"tls.key is protected by a passphrase; store the key without one"},
		{"expired", material(KeyCertificate, oldCert, KeyPrivateKey, oldKey),
			"the certificate in tls.crt expired on 2026-11-23T11:00:00Z"},
		{"not yet valid", material(KeyCertificate, newCert, KeyPrivateKey, newKey),
			"the certificate in tls.crt is not valid before 2026-11-23T13:00:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) { wantInvalid(t, c.material, c.want) })
	}
}

func TestCredentialsPrintNoSecret(t *testing.T) {
	cert, key := pki.Pair(t, now.Add(-time.Hour), now.Add(time.Hour))
	token, _ := Parse(material(KeyToken, planted), "x", now)
	certificate, _ := Parse(material(KeyCertificate, cert, KeyPrivateKey, key), "x", now)
	for _, c := range []Credential{token, certificate} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			if text := fmt.Sprintf(verb, c); text != c.String() {
				t.Errorf("%s prints %s", verb, text)
			}
		}
	}
}
