// SPDX-License-Identifier: Apache-2.0

package credential

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/pem"
	"math/big"
	"slices"
	"strings"
	"testing"
)

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
			t.Errorf("%s: got error %v, want one that names a key of the material", name, err)
		}
	}
	if _, err := Parse(material(KeyCertificate, cert, KeyPrivateKey, pkcs8PEM(t, owner)), "x", now); err != nil {
		t.Errorf("the key of the owner is refused: %v", err)
	}
}

// TestTheIdentityNeedsTheWholeSecret: a credential with one wrong byte in its secret has another
// identity, or is refused.
func TestTheIdentityNeedsTheWholeSecret(t *testing.T) {
	first, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	cert := certify(t, first.Public())
	block, _ := pem.Decode([]byte(cert))
	public := [][sha256.Size]byte{sha256.Sum256(block.Bytes)}
	for _, parts := range [][][]byte{{block.Bytes}, {nil, block.Bytes}, {[]byte("id")}, {[]byte("id"), nil}, {nil}} {
		for _, kind := range []Kind{KindCertificate, KindClient, KindToken} {
			public = append(public, identity(string(kind), parts...))
		}
	}
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
		if slices.Contains(public, c.ID()) || slices.Contains(public, c.id) {
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
