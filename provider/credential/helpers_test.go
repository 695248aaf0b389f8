// SPDX-License-Identifier: Apache-2.0

package credential

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"ovhcloud-csi-provider/provider/sensitive"
)

// planted is a token that no message may show.
const planted = "eyJhbGciOiJIUzI1NiJ9.planted-token"

// now is the time of the clock in the tests of this package.
var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// material returns the material of pairs of keys and values.
func material(pairs ...string) Material {
	m := Material{}
	for i := 0; i+1 < len(pairs); i += 2 {
		m[pairs[i]] = sensitive.New([]byte(pairs[i+1]))
	}
	return m
}

// parseClientWith returns the credential of an OAuth2 client with a token URL; "" for none.
func parseClientWith(tokenURL string) (Credential, error) {
	m := material(KeyClientID, " id\n", KeyClientSecret, "secret\n")
	if tokenURL != "" {
		m[KeyTokenURL] = sensitive.New([]byte(tokenURL))
	}
	return Parse(m, "x", now)
}

// largePair returns a certificate and its RSA key of 8704 bits, which is too large. Its factors are
// not primes: they would take minutes to find, and no check reads them.
func largePair(t *testing.T) (cert, key string) {
	t.Helper()
	factor := func(seed byte) *big.Int {
		b := bytes.Repeat([]byte{seed}, 544)
		b[0], b[543] = 0xff, seed|1
		return new(big.Int).SetBytes(b)
	}
	one, e := big.NewInt(1), big.NewInt(65537)
	p, q := factor(0x5a), factor(0x3c)
	p1, q1 := new(big.Int).Sub(p, one), new(big.Int).Sub(q, one)
	n, d := new(big.Int).Mul(p, q), new(big.Int).ModInverse(e, new(big.Int).Mul(p1, q1))
	der, err := asn1.Marshal(struct {
		Version               int
		N                     *big.Int
		E                     int
		D, P, Q, Dp, Dq, Qinv *big.Int
	}{0, n, 65537, d, p, q, new(big.Int).Mod(d, p1), new(big.Int).Mod(d, q1), new(big.Int).ModInverse(q, p)})
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: one, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)}
	public := &rsa.PublicKey{N: n, E: 65537}
	crt, err := x509.CreateCertificate(rand.Reader, template, &x509.Certificate{SerialNumber: one}, public, issuer)
	if err != nil {
		t.Fatal(err)
	}
	cert = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: crt}))
	key = string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: der}))
	return cert, key
}

// certify returns the certificate of a public key, in PEM. A certificate is public: anyone who saw a
// handshake has it.
func certify(t *testing.T, public crypto.PublicKey) string {
	t.Helper()
	authority, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	one, two := big.NewInt(1), big.NewInt(2)
	template := &x509.Certificate{SerialNumber: one, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)}
	parent := &x509.Certificate{SerialNumber: two}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, authority)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// keyPEM returns a key as PEM, in the DER encoding of a struct.
func keyPEM(t *testing.T, kind string, key any) string {
	t.Helper()
	der, err := asn1.Marshal(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// pkcs8PEM returns a private key as PEM, in PKCS #8.
func pkcs8PEM(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// enveloped returns a PKCS #1 key in PKCS #8.
func enveloped(t *testing.T, pkcs1PEM string) string {
	t.Helper()
	block, _ := pem.Decode([]byte(pkcs1PEM))
	type algorithm struct {
		OID  asn1.ObjectIdentifier
		Null asn1.RawValue
	}
	return keyPEM(t, "PRIVATE KEY", struct {
		Version   int
		Algorithm algorithm
		Key       []byte
	}{0, algorithm{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}, asn1.NullRawValue}, block.Bytes})
}

// otherPrime is a prime of an RSA key after the first two (RFC 8017, appendix A.1.2).
type otherPrime struct{ Prime, Exponent, Coefficient *big.Int }

// manyPrimes is an RSA key of any number of primes in PKCS #1.
type manyPrimes struct {
	Version            int
	N                  *big.Int
	E                  int
	D, P, Q, Dp, Dq, U *big.Int
	Others             []otherPrime `asn1:"optional,omitempty"`
}

// forgeries returns private keys made from a public key alone. All parts that a check can compare
// match the public key.
func forgeries(t *testing.T, public *rsa.PublicKey) map[string]string {
	n := func(i int64) *big.Int { return big.NewInt(i) }
	forged := func(version int, d, p, q *big.Int, others ...otherPrime) string {
		return keyPEM(t, "RSA PRIVATE KEY", manyPrimes{version, public.N, public.E, d, p, q, n(1), n(1), n(1), others})
	}
	type without struct {
		Version int
		N       *big.Int
		E       int
		D, P, Q *big.Int
		Others  []otherPrime
	}
	three := otherPrime{n(7), n(1), n(1)}
	all := map[string]string{
		"three small primes":              forged(1, n(11), n(3), n(5), three),
		"four small primes":               forged(1, n(11), n(3), n(5), three, otherPrime{n(11), n(1), n(1)}),
		"three primes that claim to be 2": forged(0, n(11), n(3), n(5), three),
		"two small primes":                forged(0, n(11), n(3), n(5)),
		"the modulus as a prime":          forged(0, n(11), public.N, n(1)),
		"the modulus and small primes":    forged(1, n(11), public.N, n(3), three),
		"d of 1":                          forged(1, n(1), n(3), n(5), three),
		"no exponents": keyPEM(t, "RSA PRIVATE KEY", without{1, public.N, public.E, n(11), n(3), n(5),
			[]otherPrime{three}}),
	}
	for name, text := range all {
		if !strings.Contains(name, "PKCS #8") {
			all[name+", in PKCS #8"] = enveloped(t, text)
		}
	}
	return all
}

// secretIn returns the secret part of a value. Of a private key that is its scalar, since PEM has
// line breaks, and PKCS #8 may repeat the public key.
func secretIn(text string) string {
	if block, _ := pem.Decode([]byte(text)); block != nil {
		if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
			scalar, _ := key.(*ecdsa.PrivateKey).Bytes()
			return string(scalar)
		}
	}
	return text
}

// twice returns the output of `base64`, with line breaks at 76 characters.
func twice(text string) string {
	return regexp.MustCompile(`.{76}`).ReplaceAllString(base64.StdEncoding.EncodeToString([]byte(text)), "$0\n")
}

// jwt has the form of a PAT, and its base64 is long enough for line breaks.
var jwt = "eyJhbGciOiJFZERTQSJ9." + strings.Repeat("planted-", 12) + ".c2ln"

// utf16LE returns a text in UTF-16 with a byte order mark, as PowerShell writes files.
func utf16LE(text string) string {
	all := "\xff\xfe"
	for _, unit := range utf16.Encode([]rune(text)) {
		all += string([]byte{byte(unit), byte(unit >> 8)})
	}
	return all
}

// decoded returns the bytes of a text in base64.
func decoded(text string) string {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// wantInvalid fails the test if Parse does not return the error want, or returns a credential.
func wantInvalid(t *testing.T, m Material, want string) {
	t.Helper()
	got, err := Parse(m, "src", now)
	if err == nil || err.Error() != want {
		t.Errorf("got error %v\nwant      %s", err, want)
	}
	if errors.Is(err, ErrNoCredential) != strings.HasPrefix(want, "no credential") {
		t.Errorf("the error %v must be ErrNoCredential only if all keys are missing", err)
	}
	if got.Kind() != "" || got.String() != "no credential" {
		t.Errorf("got the credential %v with an error", got)
	}
}
