// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/rawjson"
)

// issued is a certificate with its key.
type issued struct {
	*x509.Certificate
	key crypto.Signer
}

func (i issued) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.Raw}))
}

func (i issued) keyPEM() string {
	der, _ := x509.MarshalPKCS8PrivateKey(i.key)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// serial makes the certificates of a test different.
var serial int64

// blank returns a certificate to be issued.
func blank(name string, ca bool) *x509.Certificate {
	serial++
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, IsCA: ca, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour).Truncate(time.Second), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
}

func newKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// issue returns a certificate by an authority; the zero issued signs itself. A nil key is a new one.
func issue(t testing.TB, name string, ca bool, by issued, key crypto.Signer) issued {
	t.Helper()
	if key == nil {
		key = newKey(t)
	}
	return sign(t, blank(name, ca), by, key)
}

// sign returns the certificate of a template.
func sign(t testing.TB, template *x509.Certificate, by issued, key crypto.Signer) issued {
	t.Helper()
	if by.Certificate == nil {
		by = issued{template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.Certificate, key.Public(), by.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return issued{cert, key}
}

// three returns a root, an authority below it, and a leaf.
func three(t testing.TB) (root, middle, leaf issued) {
	t.Helper()
	root = issue(t, "root", true, issued{}, nil)
	middle = issue(t, "middle", true, root, nil)
	return root, middle, issue(t, "leaf", false, middle, nil)
}

// mostSteps is how many steps a mount has.
const mostSteps = 32 << 20

// steps is the budget of a mount.
func steps(t testing.TB) *rawjson.Steps { return rawjson.NewSteps(t.Context(), mostSteps) }

// asTexts returns texts by the keys a, b and so on.
func asTexts(all ...string) (texts []Text) {
	for i, text := range all {
		texts = append(texts, Text{string(rune('a' + i)), []byte(text)})
	}
	return texts
}

// read returns the bundle of texts.
func read(t testing.TB, texts ...string) *Bundle {
	t.Helper()
	b, err := Read(asTexts(texts...), steps(t))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// names returns the names in PEM, "key" for a private key.
func names(t testing.TB, text []byte) string {
	t.Helper()
	var all []string
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			all = append(all, "key")
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, cert.Subject.CommonName)
	}
	return strings.Join(all, " ")
}

func wantPart(t *testing.T, b *Bundle, p Part, want string) {
	t.Helper()
	if got, err := b.Part(p); err != nil || names(t, got) != want {
		t.Errorf("%s is %q, %v; want %q", p, names(t, got), err, want)
	}
}
