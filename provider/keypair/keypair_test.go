// SPDX-License-Identifier: Apache-2.0

package keypair

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
)

// TestProofOfPossession: even without the checks of form, a key is accepted only if its signature
// is valid for the certificate.
func TestProofOfPossession(t *testing.T) {
	owner, _ := rsa.GenerateKey(rand.Reader, 2048)
	other, _ := rsa.GenerateKey(rand.Reader, 2048)
	curve, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	otherCurve, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	public, edwards, _ := ed25519.GenerateKey(rand.Reader)
	_, otherEdwards, _ := ed25519.GenerateKey(rand.Reader)
	forged, forgedCurve := *other, *otherCurve
	forged.PublicKey, forgedCurve.PublicKey = owner.PublicKey, curve.PublicKey
	for name, c := range map[string]struct {
		private crypto.PrivateKey
		public  crypto.PublicKey
		want    bool
	}{
		"RSA": {owner, owner.Public(), true}, "ECDSA": {curve, curve.Public(), true}, "Ed25519": {edwards, public, true},
		"another RSA key": {other, owner.Public(), false}, "another ECDSA key": {otherCurve, curve.Public(), false},
		"another Ed25519 key": {otherEdwards, public, false}, "another kind": {edwards, owner.Public(), false},
		"the owner's public part alone": {&forged, owner.Public(), false},
		"the same of ECDSA":             {&forgedCurve, curve.Public(), false},
		"no key":                        {nil, owner.Public(), false}, "no public key": {owner, nil, false},
	} {
		if err := ProvePossession(c.private, c.public); (err == nil) != c.want {
			t.Errorf("%s: got error %v, want accepted: %v", name, err, c.want)
		}
	}
}

// numbers is an RSA key in PKCS #1 with as many of its numbers as a test needs.
type numbers struct {
	Version               int
	N                     *big.Int
	E                     int
	D, P, Q, DP, DQ, QInv *big.Int
	Others                []*big.Int `asn1:"optional,omitempty"`
}

func TestForms(t *testing.T) {
	one, huge := big.NewInt(1), new(big.Int).Lsh(big.NewInt(1), MaxModulus+8)
	rsaKey, _ := rsa.GenerateKey(rand.Reader, 2048)
	curve, _ := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	sec1, _ := x509.MarshalECPrivateKey(curve)
	pkcs8 := func(key any) []byte { der, _ := x509.MarshalPKCS8PrivateKey(key); return der }
	der := func(key any) []byte {
		der, err := asn1.Marshal(key)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	enveloped := func(inner []byte) []byte {
		return der(struct {
			Version   int
			Algorithm []asn1.ObjectIdentifier
			Key       []byte
		}{0, []asn1.ObjectIdentifier{{1, 2, 840, 113549, 1, 1, 1}}, inner})
	}
	large := der(numbers{0, huge, 3, one, one, one, one, one, one, nil})
	three := der(numbers{1, one, 3, one, one, one, one, one, one, []*big.Int{one}})
	// unreadable adds the begin of a number of 127 bytes, which crypto/x509 ignores.
	unreadable := func(key []byte) []byte {
		var sequence asn1.RawValue
		if _, err := asn1.Unmarshal(key, &sequence); err != nil {
			t.Fatal(err)
		}
		return der(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: append(sequence.Bytes, 2, 127)})
	}
	if _, err := x509.ParsePKCS1PrivateKey(unreadable(x509.MarshalPKCS1PrivateKey(rsaKey))); err != nil {
		t.Errorf("crypto/x509 does not ignore it: %v", err)
	}
	for name, c := range map[string]struct {
		block pem.Block
		want  string // "" if it is accepted
	}{
		"a large number and more":       {pem.Block{Bytes: unreadable(large)}, "at most 8192 are supported"},
		"more in PKCS #8":               {pem.Block{Bytes: unreadable(enveloped(large))}, "at most 8192 are supported"},
		"more within PKCS #8":           {pem.Block{Bytes: enveloped(unreadable(large))}, "at most 8192 are supported"},
		"three primes and more":         {pem.Block{Bytes: unreadable(three)}, "more than two primes"},
		"three and more within PKCS #8": {pem.Block{Bytes: enveloped(unreadable(three))}, "more than two primes"},
		"two primes and more":           {pem.Block{Bytes: unreadable(x509.MarshalPKCS1PrivateKey(rsaKey))}, ""},
		"PKCS #8, RSA":                  {pem.Block{Bytes: pkcs8(rsaKey)}, ""},
		"PKCS #8, ECDSA":                {pem.Block{Bytes: pkcs8(curve)}, ""},
		"PKCS #1":                       {pem.Block{Bytes: x509.MarshalPKCS1PrivateKey(rsaKey)}, ""},
		"SEC 1":                         {pem.Block{Bytes: sec1}, ""},
		"no DER":                        {pem.Block{Bytes: []byte("x")}, ""},
		"a large number": {pem.Block{Bytes: large},
			"is an RSA key with a number of about 8200 bits; at most 8192 are supported"},
		"the same in PKCS #8": {pem.Block{Bytes: enveloped(large)}, "at most 8192 are supported"},
		"three primes":        {pem.Block{Bytes: three}, "is an RSA key of more than two primes"},
		"three in PKCS #8":    {pem.Block{Bytes: enveloped(three)}, "more than two primes"},
		"version 1 of two": {pem.Block{Bytes: der(numbers{1, one, 3, one, one, one, one, one, one, nil})},
			"more than two primes"},
		"a passphrase": {pem.Block{Type: "ENCRYPTED PRIVATE KEY"}, "is protected by a passphrase"},
		"a passphrase, of old": {pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"DEK-Info": "x"}},
			"is protected by a passphrase"},
	} {
		err := CheckForm(&c.block)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}
