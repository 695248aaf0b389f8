// SPDX-License-Identifier: Apache-2.0

package place

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
)

// made makes authorities that nobody can sign with.
type made struct {
	t      *testing.T
	signer *ecdsa.PrivateKey
	serial int64
}

// rsa returns a certificate of an RSA key with so many bits, in PEM.
func (m *made) rsa(subject string, bits int) string {
	n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
	return m.of(subject, &rsa.PublicKey{N: n.SetBit(n, 0, 1), E: 65537})
}

// ecdsa returns a certificate of an ECDSA key, in PEM.
func (m *made) ecdsa(subject string) string { return m.of(subject, &m.signer.PublicKey) }

func (m *made) of(subject string, public any) string {
	m.t.Helper()
	m.serial++
	c := &x509.Certificate{SerialNumber: big.NewInt(m.serial), Subject: pkix.Name{CommonName: subject}, IsCA: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, public, m.signer)
	if err != nil {
		m.t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestTheWorkOfAHandshakeIsBoundedByTheAuthorities(t *testing.T) {
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	m := &made{t: t, signer: signer}
	times := func(n int, one func() string) (all string) {
		for range n {
			all += one()
		}
		return all
	}
	small := func() string { return m.ecdsa("a") }
	rsa8192 := func() string { return m.rsa("a", 8192) }
	const tooMany = " is one authority too many of the same subject; at most 8, with RSA keys of 16384 bits together, " +
		"are supported; remove those that are no longer in use"
	for _, c := range []struct{ name, bundle, want string }{
		{"the longest key", m.rsa("a", 8192), ""},
		{"a longer key", m.rsa("a", 8193), "PEM block 1 has an RSA key of 8193 bits; at most 8192 are supported"},
		{"a key of a second", m.rsa("a", 300_000), "PEM block 1 has an RSA key of 300000 bits; at most 8192 are supported"},
		{"many small ones", times(8, small), ""},
		{"too many small ones", times(9, small), "PEM block 9" + tooMany},
		{"two large ones", times(2, rsa8192), ""},
		{"three large ones", times(3, rsa8192), "PEM block 3" + tooMany},
		{"one bit too many", times(2, rsa8192) + m.rsa("b", 2048) + m.rsa("a", 1), "PEM block 4" + tooMany},
		{"a large one after small ones", times(6, small) + times(2, rsa8192), ""},
		{"one many times", strings.Repeat(m.rsa("a", 8192), 10), ""},
		{"other subjects", times(8, small) + m.rsa("b", 8192) + m.rsa("b", 8192) + m.rsa("c", 8192), ""},
	} {
		_, err := parseCABundle(c.bundle, MaxBundleOfMount)
		if (err == nil) != (c.want == "") || err != nil && err.Error() != c.want {
			t.Errorf("%s: got  %v\nwant %s", c.name, err, c.want)
		}
	}
}
