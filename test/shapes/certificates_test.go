// SPDX-License-Identifier: Apache-2.0

package shapes

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pavlo-v-chernykh/keystore-go/v4"
	"software.sslmate.com/src/go-pkcs12"

	"ovhcloud-csi-provider/test/harness"
)

const certificatesPage = "../../docs/certificates.md"

// pair is a certificate with its private key.
type pair struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// certify returns the certificate of a name by an authority; a nil one signs itself.
func certify(t *testing.T, name string, ca bool, by *pair) pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: ca,
		BasicConstraintsValid: true,
		NotBefore:             time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	if by == nil {
		by = &pair{template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.cert, key.Public(), by.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return pair{cert, key}
}

func (p pair) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.cert.Raw}))
}

func (p pair) keyPEM(t *testing.T) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(p.key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// shopTLS is the secret of docs/certificates.md, and values that are mistakes.
func shopTLS(t *testing.T) map[string]string {
	t.Helper()
	root, old := certify(t, "Root", true, nil), certify(t, "Old Root", true, nil)
	issuing := certify(t, "Issuing CA", true, &root)
	leaf, other := certify(t, "shop.example", false, &issuing), certify(t, "other.example", false, &issuing)
	again := certify(t, "Issuing CA", true, &root)
	return map[string]string{
		"all":     root.pem() + leaf.keyPEM(t) + leaf.pem() + issuing.pem(),
		"tls.crt": leaf.pem(), "tls.key": leaf.keyPEM(t), "chain": root.pem() + issuing.pem(),
		"roots":    root.pem() + old.pem(),
		"password": "changeit", "short": "12345", "broken": "changeit\n",
		"base64":  base64.StdEncoding.EncodeToString([]byte(leaf.pem())),
		"written": strings.ReplaceAll(leaf.pem(), "\n", `\n`),
		"cut":     leaf.pem() + issuing.pem()[:200],
		"request": "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
		"locked":  "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
		"other":   other.pem(), "other.key": other.keyPEM(t), "root": root.pem(), "again": again.pem(), "old": old.pem(),
		"issuing": issuing.pem(),
	}
}

// subjectsOf returns what a file holds, as docs/certificates.md shows it.
func subjectsOf(t *testing.T, name string, content []byte) string {
	t.Helper()
	const key = "private key"
	var all []string
	add := func(certs ...*x509.Certificate) {
		for _, one := range certs {
			all = append(all, one.Subject.String())
		}
	}
	parsed := func(der []byte) *x509.Certificate {
		one, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return one
	}
	switch {
	case strings.HasPrefix(name, "truststore"):
		certs, err := pkcs12.DecodeTrustStore(content, "changeit")
		if err != nil {
			t.Fatal(err)
		}
		add(certs...)
	case strings.HasSuffix(name, ".p12"):
		_, leaf, above, err := pkcs12.DecodeChain(content, "changeit")
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, key)
		add(append([]*x509.Certificate{leaf}, above...)...)
	case strings.HasSuffix(name, ".jks"):
		store := keystore.New()
		if err := store.Load(bytes.NewReader(content), []byte("changeit")); err != nil {
			t.Fatal(err)
		}
		entry, err := store.GetPrivateKeyEntry("certificate", []byte("changeit"))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, key)
		for _, one := range entry.CertificateChain {
			add(parsed(one.Content))
		}
	default:
		for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
			if block.Type == "PRIVATE KEY" {
				all = append(all, key)
				continue
			}
			add(parsed(block.Bytes))
		}
	}
	return name + ": " + strings.Join(all, ", ") + "\n"
}

// shopWithTLS starts a daemon on a store with the secret of docs/certificates.md.
func shopWithTLS(t *testing.T) *harness.Daemon {
	t.Helper()
	d := harness.Start(t, harness.Options{})
	secret, err := json.Marshal(shopTLS(t))
	if err != nil {
		t.Fatal(err)
	}
	d.Store.Hold(t, map[string]string{"prod/shop/tls": string(secret)})
	return d
}

// example matches an example of docs/certificates.md, and what it makes.
var example = regexp.MustCompile("(?s)```yaml\n(- .*?)```\n\n```\n(.*?)```")

func TestExamplesOfCertificates(t *testing.T) {
	page, err := os.ReadFile(certificatesPage)
	if err != nil {
		t.Fatal(err)
	}
	d := shopWithTLS(t)
	examples := example.FindAllStringSubmatch(string(page), -1)
	if len(examples) != 2 {
		t.Fatalf("the page has %d examples", len(examples))
	}
	for _, e := range examples {
		resp, err := d.Client.Mount(t.Context(), d.Request(harness.Mount{Objects: e[1]}))
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for _, f := range resp.GetFiles() {
			got.WriteString(subjectsOf(t, f.GetPath(), f.GetContents()))
		}
		if got.String() != e[2] {
			t.Errorf("the page shows\n%s\nthe mount makes\n%s", e[2], got.String())
		}
	}
}

// TestErrorsOfCertificates: each row of the page has a mistake that makes it, and each mistake a row.
func TestErrorsOfCertificates(t *testing.T) {
	page, err := os.ReadFile(certificatesPage)
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "## What is an error")
	rows := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(.*?)` \\|").FindAllStringSubmatch(table, -1) {
		rows[row[1]] = false
	}
	d := shopWithTLS(t)
	keystore := func(kind, password string) string {
		return fmt.Sprintf("keystore: %s, password: {secretPath: prod/shop/tls, secretKey: %s}", kind, password)
	}
	for _, c := range []struct{ keys, what string }{
		{"password", "part: leaf"}, {"base64", "part: leaf"}, {"written", "part: leaf"}, {"cut", "part: chain"},
		{"request", "part: leaf"},
		{"tls.crt, locked", "part: key"}, {"tls.crt, other.key", "part: chain"}, {"tls.key, other.key", "part: key"},
		{"tls.crt, other", "part: chain"},
		{"tls.crt, root, tls.key", "part: chain"}, {"tls.crt, again", "part: chain"},
		{"tls.crt, issuing, root, old", "part: chain"}, {"tls.crt", "part: bundle"},
		{"tls.crt, chain", keystore("pkcs12", "password")}, {"all", keystore("pkcs12", "broken")},
		{"all", keystore("jks", "short")},
	} {
		_, err := d.Do(t.Context(),
			harness.Mount{Objects: fmt.Sprintf("- {secretPath: prod/shop/tls, keys: [%s], objectName: f, certificate: {%s}}\n",
				c.keys, c.what)})
		if err == nil {
			t.Errorf("[%s] with %s is mounted", c.keys, c.what)
			continue
		}
		matched := false
		for row := range rows {
			if regexp.MustCompile(strings.ReplaceAll(regexp.QuoteMeta(row), "…", ".*")).MatchString(err.Error()) {
				rows[row], matched = true, true
			}
		}
		if !matched {
			t.Errorf("the page does not have %v", err)
		}
		if strings.Contains(err.Error(), "changeit") || strings.Contains(err.Error(), "MII") {
			t.Errorf("the error shows a value: %v", err)
		}
	}
	for row, made := range rows {
		if !made {
			t.Errorf("no mistake makes the error %s", row)
		}
	}
}
