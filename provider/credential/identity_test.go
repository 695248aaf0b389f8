package credential

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"
)

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

func TestForgedKeysAreRefused(t *testing.T) {
	owner, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	cert := certify(t, owner.Public())
	for name, key := range forgeries(t, &owner.PublicKey) {
		if got, err := Parse(material(KeyCertificate, cert, KeyPrivateKey, key), "x", now); err == nil {
			t.Errorf("%s: accepted as %s", name, got)
		} else if !strings.HasPrefix(err.Error(), "tls.") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Parse(material(KeyCertificate, cert, KeyPrivateKey, pkcs8PEM(t, owner)), "x", now); err != nil {
		t.Errorf("the key of the owner is refused: %v", err)
	}
}

// TestPossessionIsProved: even without the checks of form, a key is accepted only if its signature
// is valid for the certificate.
func TestPossessionIsProved(t *testing.T) {
	owner, _ := rsa.GenerateKey(rand.Reader, 2048)
	other, _ := rsa.GenerateKey(rand.Reader, 2048)
	curve, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	otherCurve, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	public, edwards, _ := ed25519.GenerateKey(rand.Reader)
	_, otherEdwards, _ := ed25519.GenerateKey(rand.Reader)
	forged := *other
	forged.PublicKey = owner.PublicKey
	for name, c := range map[string]struct {
		private crypto.PrivateKey
		public  crypto.PublicKey
		want    bool
	}{
		"RSA": {owner, &owner.PublicKey, true}, "ECDSA": {curve, &curve.PublicKey, true}, "Ed25519": {edwards, public, true},
		"another RSA key": {other, &owner.PublicKey, false}, "a key with the owner's public part": {&forged,
			&owner.PublicKey, false},
		"another ECDSA key": {otherCurve, &curve.PublicKey, false}, "another Ed25519 key": {otherEdwards, public, false},
		"another kind": {curve, &owner.PublicKey, false}, "no key": {nil, &owner.PublicKey, false}, "no public key": {owner,
			nil, false},
	} {
		if err := provePossession(c.private, c.public); (err == nil) != c.want {
			t.Errorf("%s: got error %v, want accepted: %v", name, err, c.want)
		}
	}
}

// TestTheIdentityNeedsTheWholeSecret: a credential with one wrong byte in its secret has another
// identity, or is refused.
func TestTheIdentityNeedsTheWholeSecret(t *testing.T) {
	first, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	cert := certify(t, first.Public())
	block, _ := pem.Decode([]byte(cert))
	public := sha256.Sum256(block.Bytes)
	whole := map[string]Material{
		"token": material(KeyToken, planted),
		"client": material(KeyClientID, "id", KeyClientSecret, planted,
			KeyTokenURL, "https://www.ovh.com/auth/oauth2/token"),
		"certificate": material(KeyCertificate, cert, KeyPrivateKey, pkcs8PEM(t, first)),
	}
	secret := map[string]string{"token": KeyToken, "client": KeyClientSecret, "certificate": KeyPrivateKey}
	for name, m := range whole {
		c, err := Parse(m, "x", now)
		if err != nil {
			t.Fatal(err)
		}
		if c.ID() == public {
			t.Errorf("%s: the identity can be computed from public parts", name)
		}
		text := string(m[secret[name]].Reveal())
		for i := range len(text) {
			changed := text[:i] + string(text[i]^1) + text[i+1:]
			other := material(secret[name], changed)
			for key, value := range m {
				if key != secret[name] {
					other[key] = value
				}
			}
			if got, err := Parse(other, "x", now); err == nil && got.ID() == c.ID() && secretIn(changed) != secretIn(text) {
				t.Fatalf("%s: the identity does not depend on byte %d of the secret", name, i)
			}
		}
	}
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

func TestPartsOfAnIdentityAreSeparated(t *testing.T) {
	id := func(pairs ...string) [sha256.Size]byte {
		t.Helper()
		c, err := Parse(material(pairs...), "x", now)
		if err != nil {
			t.Fatal(err)
		}
		return c.ID()
	}
	const url = "https://www.ovh.com/auth/oauth2/token"
	seen := map[[sha256.Size]byte]int{}
	for i, one := range [][sha256.Size]byte{
		id(KeyToken, "a:b:c"), id(KeyToken, "a:b:c"+url),
		id(KeyClientID, "a", KeyClientSecret, "b:c"), id(KeyClientID, "a:b", KeyClientSecret, "c"),
		id(KeyClientID, "a", KeyClientSecret, "b:c", KeyTokenURL, url), id(KeyClientID, "a", KeyClientSecret, "b:c"+url),
	} {
		if before, twice := seen[one]; twice {
			t.Errorf("credentials %d and %d have the same identity", before, i)
		}
		seen[one] = i
	}
}

func TestLargeKeysAreRefusedBeforeTheyAreParsed(t *testing.T) {
	small, _ := rsa.GenerateKey(rand.Reader, 2048)
	cert := certify(t, small.Public())
	huge := new(big.Int).Lsh(big.NewInt(1), 60_000)
	one, n := big.NewInt(1), small.N
	for name, key := range map[string]manyPrimes{
		"modulus": {0, huge, 3, one, one, one, one, one, one, nil}, "d": {0, n, 3, huge, one, one, one, one, one, nil},
		"p": {0, n, 3, one, huge, one, one, one, one, nil}, "coefficient": {0, n, 3, one, one, one, one, one, huge, nil},
	} {
		text := keyPEM(t, "RSA PRIVATE KEY", key)
		for _, one := range []string{text, enveloped(t, text)} {
			_, err := Parse(material(KeyCertificate, cert, KeyPrivateKey, one), "x", now)
			const want = "tls.key is an RSA key with a number of about 60000 bits; at most 8192 are supported"
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %s", name, err, want)
			}
		}
	}
}
