// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"github.com/pavlo-v-chernykh/keystore-go/v4"
	"software.sslmate.com/src/go-pkcs12"
)

const changeit = "changeit"

// stores returns a bundle with a private key, and one of authorities, two of which have one name.
func stores(t testing.TB) (withKey, authorities *Bundle) {
	t.Helper()
	root, middle, leaf := three(t)
	again := issue(t, "root", true, issued{}, nil)
	return read(t, root.pem()+leaf.keyPEM(), leaf.pem()+middle.pem()),
		read(t, root.pem()+again.pem(), issue(t, "other", true, issued{}, nil).pem())
}

func makeKeystore(t testing.TB, b *Bundle, k Keystore, password string) []byte {
	t.Helper()
	out, err := b.Keystore(k, []byte(password), steps(t))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestPKCS12ReadBack(t *testing.T) {
	withKey, authorities := stores(t)
	key, cert, above, err := pkcs12.DecodeChain(makeKeystore(t, withKey, PKCS12, changeit), changeit)
	if err != nil || !cert.Equal(withKey.chain[0].Certificate) || len(above) != 2 ||
		!above[0].Equal(withKey.chain[1].Certificate) || !above[1].Equal(withKey.chain[2].Certificate) {
		t.Errorf("got the chain %v, %d above, %v", cert, len(above), err)
	}
	if !key.(crypto.Signer).Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(withKey.key.Public()) {
		t.Error("the private key is another one")
	}
	all, err := pkcs12.DecodeTrustStore(makeKeystore(t, authorities, PKCS12, changeit), changeit)
	if err != nil || len(all) != 3 {
		t.Fatalf("%d certificates, %v", len(all), err)
	}
	for i, one := range all {
		if !one.Equal(authorities.all[i].Certificate) {
			t.Errorf("certificate %d is another one", i)
		}
	}
	if _, _, _, err := pkcs12.DecodeChain(makeKeystore(t, withKey, PKCS12, changeit), "other"); err == nil {
		t.Error("another password opens it")
	}
}

func TestJKSReadBack(t *testing.T) {
	withKey, authorities := stores(t)
	load := func(b *Bundle) keystore.KeyStore {
		store := keystore.New(keystore.WithOrderedAliases())
		if err := store.Load(bytes.NewReader(makeKeystore(t, b, JKS, changeit)), []byte(changeit)); err != nil {
			t.Fatal(err)
		}
		return store
	}
	entry, err := load(withKey).GetPrivateKeyEntry("certificate", []byte(changeit))
	pkcs8, _ := x509.MarshalPKCS8PrivateKey(withKey.key.Signer)
	if err != nil || !bytes.Equal(entry.PrivateKey, pkcs8) || len(entry.CertificateChain) != 3 {
		t.Fatalf("got %d certificates, %v", len(entry.CertificateChain), err)
	}
	if !entry.CreationTime.Equal(withKey.chain[0].NotBefore) {
		t.Errorf("the entry is of %s, not of the certificate's %s", entry.CreationTime, withKey.chain[0].NotBefore)
	}
	for i, one := range entry.CertificateChain {
		if !bytes.Equal(one.Content, withKey.chain[i].Raw) {
			t.Errorf("certificate %d of the chain is another one", i)
		}
	}
	store := load(authorities)
	if got := strings.Join(store.Aliases(), " "); got != "ca-001 ca-002 ca-003" {
		t.Fatalf("the aliases are %s", got)
	}
	for i, alias := range store.Aliases() {
		if one, err := store.GetTrustedCertificateEntry(alias); err != nil ||
			!bytes.Equal(one.Certificate.Content, authorities.all[i].Raw) {
			t.Errorf("%s is another certificate, %v", alias, err)
		}
	}
}

// TestKeystoresAreTheSameBytes: a keystore is made again once a minute, and the driver writes files
// that differ. Functions of crypto read a random number of random bytes at times, on purpose.
func TestKeystoresAreTheSameBytes(t *testing.T) {
	withKey, authorities := stores(t)
	whole, err := withKey.Part(Whole)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for name, b := range map[string]*Bundle{"key": withKey, "authorities": authorities,
		"read again": read(t, string(whole))} {
		for _, k := range []Keystore{PKCS12, JKS} {
			first := makeKeystore(t, b, k, changeit)
			for range 8 {
				if !bytes.Equal(makeKeystore(t, b, k, changeit), first) {
					t.Fatalf("%s of %s differs", k, name)
				}
			}
			seen[string(first)] = true
			if bytes.Equal(makeKeystore(t, b, k, "changeit2"), first) {
				t.Errorf("%s of %s does not depend on the password", k, name)
			}
		}
	}
	if len(seen) != 4 { // two kinds, with the key or of authorities
		t.Errorf("there are %d different keystores, want 4", len(seen))
	}
}

// TestSaltsDependOnEverything: two contents never have salts, so keys and key streams, in common.
// The first bytes are the first salt.
func TestSaltsDependOnEverything(t *testing.T) {
	seen := map[string]string{}
	for name, c := range map[string]struct {
		k        Keystore
		password string
		content  []string
	}{
		"one": {PKCS12, "p", []string{"ab", "c"}}, "another kind": {JKS, "p", []string{"ab", "c"}},
		"another password": {PKCS12, "q", []string{"ab", "c"}},
		"another border":   {PKCS12, "p", []string{"a", "bc"}}, "one part": {PKCS12, "p", []string{"abc"}},
		"another order": {PKCS12, "p", []string{"c", "ab"}},
		"nothing":       {PKCS12, "p", nil}, "an empty part": {PKCS12, "p", []string{""}},
	} {
		var content [][]byte
		for _, part := range c.content {
			content = append(content, []byte(part))
		}
		r, err := salts(c.k, []byte(c.password), content...)
		if err != nil {
			t.Fatal(err)
		}
		salt := make([]byte, 16)
		if n, err := r.Read(salt); n != 16 || err != nil {
			t.Fatal(n, err)
		}
		if before, was := seen[string(salt)]; was {
			t.Errorf("%s has the salt of %s", name, before)
		}
		seen[string(salt)] = name
	}
}

func TestPasswordsOfKeystores(t *testing.T) {
	withKey, _ := stores(t)
	for name, c := range map[string]struct {
		k              Keystore
		password, want string
	}{
		"none":      {PKCS12, "", "is empty, and a keystore needs one"},
		"none, JKS": {JKS, "", "is empty, and a keystore needs one"},
		"a short one": {JKS, "12345",
			"has fewer than 6 characters, the least for JKS; use a longer one, or keystore: pkcs12"},
		"a line break":        {PKCS12, "changeit\n", "ends in a line break; store it without"},
		"a line break, CR":    {JKS, "changeit\r\n", "ends in a line break; store it without"},
		"only a line break":   {PKCS12, "\n", "ends in a line break"},
		"a tab":               {PKCS12, "change\tit", "not printable ASCII"},
		"an umlaut":           {PKCS12, "pässwort-planted", "not printable ASCII"},
		"an umlaut in JKS":    {JKS, "pässwort-planted", "not printable ASCII"},
		"no text":             {PKCS12, "\xff\xfe", "not printable ASCII"},
		"an astral character": {PKCS12, "\U0001F600", "not printable ASCII"},
		"a NUL":               {PKCS12, "changeit\x00", "not printable ASCII"},
		"a DEL":               {PKCS12, "changeit\x7f", "not printable ASCII"},
		"a book":              {PKCS12, strings.Repeat("x", 1025), "has 1025 bytes; at most 1024 are supported"},
	} {
		_, err := withKey.Keystore(c.k, []byte(c.password), steps(t))
		if wantWrong(t, err, "the password of the keystore "); err == nil || !strings.Contains(err.Error(), c.want) ||
			strings.Contains(err.Error(), "planted") {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
	for _, password := range []string{"1", " ~!\"$", strings.Repeat("x", 1024)} {
		makeKeystore(t, withKey, PKCS12, password)
	}
}

func TestKeystoresThatCannotBeMade(t *testing.T) {
	root, middle, leaf := three(t)
	for _, k := range []Keystore{PKCS12, JKS} {
		_, err := read(t, leaf.keyPEM()).Keystore(k, []byte(changeit), steps(t))
		wantWrong(t, err, `the key "a" holds no certificate; name the key of the secret that does too`)
		_, err = read(t, root.pem(), leaf.pem()+middle.pem()).Keystore(k, []byte(changeit), steps(t))
		wantWrong(t, err,
			`the keys "a", "b" hold the certificate of "CN=leaf" (key "b") without its private key; name the key of the secret that has it too, or for a truststore`)
	}
}

// TestATruststoreTakesAnyTrustedCertificates: those of authorities, and those that issued themselves.
func TestATruststoreTakesAnyTrustedCertificates(t *testing.T) {
	root, middle, _ := three(t)
	pinned := issue(t, "pinned", false, issued{}, nil)
	ancient := blank("ancient", true)
	ancient.NotBefore, ancient.NotAfter = time.Date(1951, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)
	b := read(t, pinned.pem()+middle.pem()+root.pem()+sign(t, ancient, issued{}, newKey(t)).pem())
	all, err := pkcs12.DecodeTrustStore(makeKeystore(t, b, PKCS12, changeit), changeit)
	if err != nil || len(all) != 4 {
		t.Errorf("%d certificates, %v", len(all), err)
	}
	store := keystore.New()
	if err := store.Load(bytes.NewReader(makeKeystore(t, b, JKS, changeit)), []byte(changeit)); err != nil ||
		len(store.Aliases()) != 4 {
		t.Errorf("%d certificates, %v", len(store.Aliases()), err)
	}
}
