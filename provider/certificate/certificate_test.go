package certificate

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pavlo-v-chernykh/keystore-go/v4"
	"software.sslmate.com/src/go-pkcs12"

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

// issue returns a certificate by an authority; the zero issued signs itself.
func issue(t testing.TB, name string, ca bool, by issued, key crypto.Signer) issued {
	t.Helper()
	if key == nil {
		key, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour).Truncate(time.Second),
		NotAfter: time.Now().Add(time.Hour), IsCA: ca, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	parent := by
	if by.Certificate == nil {
		parent = issued{template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent.Certificate, key.Public(), parent.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return issued{cert, key}
}

func steps(t testing.TB) *rawjson.Steps { return rawjson.NewSteps(t.Context(), 64<<20) }

// subjects returns the names in PEM, "key" for a private key.
func subjects(t *testing.T, text []byte) string {
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

func TestParts(t *testing.T) {
	root := issue(t, "root", true, issued{}, nil)
	middle := issue(t, "middle", true, root, nil)
	leaf := issue(t, "leaf", false, middle, nil)
	for name, texts := range map[string][]string{
		"in order":         {leaf.keyPEM(), leaf.pem() + middle.pem() + root.pem()},
		"out of order":     {root.pem() + leaf.pem() + middle.pem(), leaf.keyPEM()},
		"in one text":      {middle.pem() + leaf.keyPEM() + root.pem() + leaf.pem()},
		"twice":            {leaf.pem() + leaf.pem() + leaf.keyPEM() + middle.pem(), leaf.keyPEM() + root.pem()},
		"with other texts": {"subject=x\r\n" + strings.ReplaceAll(leaf.pem(), "\n", "\r\n") + "\nrubbish\n" + middle.pem(), "\xef\xbb\xbf" + leaf.keyPEM() + root.pem()},
	} {
		b, err := Read(asTexts(texts), steps(t))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for part, want := range map[Part]string{Leaf: "leaf", Chain: "leaf middle root", Key: "key", Whole: "key leaf middle root"} {
			if got, err := b.Part(part); subjects(t, got) != want || err != nil {
				t.Errorf("%s: %s is %s, %v", name, part, subjects(t, got), err)
			}
		}
	}
	for name, c := range map[string]struct {
		texts []string
		part  Part
		want  string
	}{
		"no key":           {[]string{leaf.pem() + middle.pem()}, Key, "holds no private key"},
		"no certificate":   {[]string{leaf.keyPEM()}, Chain, "holds no certificate"},
		"authorities only": {[]string{root.pem() + issue(t, "other", true, issued{}, nil).pem()}, Leaf, "certificates of several authorities"},
	} {
		b, err := Read(asTexts(c.texts), steps(t))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got, err := b.Part(c.part); err == nil || err.Error() != c.want && !strings.Contains(err.Error(), c.want) || got != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func asTexts(all []string) (texts []Text) {
	for i, text := range all {
		texts = append(texts, Text{string(rune('a' + i)), []byte(text)})
	}
	return texts
}

func TestKindsOfKeys(t *testing.T) {
	rsaKey, _ := rsa.GenerateKey(rand.Reader, 2048)
	_, edwards, _ := ed25519.GenerateKey(rand.Reader)
	curve, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	sec1, _ := x509.MarshalECPrivateKey(curve)
	for name, c := range map[string]struct {
		key  crypto.Signer
		text string
	}{
		"RSA": {rsaKey, ""}, "Ed25519": {edwards, ""}, "ECDSA": {curve, ""},
		"PKCS #1": {rsaKey, string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rsaKey)}))},
		"SEC 1":   {curve, "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" + string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1}))},
	} {
		leaf := issue(t, "leaf", false, issued{}, c.key)
		if c.text == "" {
			c.text = leaf.keyPEM()
		}
		b, err := Read(asTexts([]string{c.text, leaf.pem()}), steps(t))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got, err := b.Part(Key); err != nil || !strings.HasSuffix(c.text, string(got)) {
			t.Errorf("%s: the key is %d bytes, %v", name, len(got), err)
		}
	}
}

func TestMistakesInPEM(t *testing.T) {
	root := issue(t, "root", true, issued{}, nil)
	middle := issue(t, "middle", true, root, nil)
	leaf := issue(t, "leaf", false, middle, nil)
	other := issue(t, "other", false, middle, nil)
	// A key with the leaf's public part and another private part.
	forged := *other.key.(*ecdsa.PrivateKey)
	forged.PublicKey = leaf.key.(*ecdsa.PrivateKey).PublicKey
	for name, c := range map[string]struct {
		texts []string
		want  string
	}{
		"nothing":                {[]string{""}, `the key "a" holds no PEM`},
		"a password":             {[]string{"hunter2"}, `the key "a" holds no PEM`},
		"base64 of PEM":          {[]string{base64.StdEncoding.EncodeToString([]byte(leaf.pem()))}, "base64 of PEM; give encoding: base64"},
		"base64 of DER":          {[]string{base64.StdEncoding.EncodeToString(leaf.Raw)}, "base64 of DER; store it as PEM"},
		"written line breaks":    {[]string{strings.ReplaceAll(leaf.pem(), "\n", `\n`)}, "store real ones"},
		"no end":                 {[]string{leaf.pem()[:200]}, "its end is missing"},
		"another block":          {[]string{"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"}, `neither a certificate nor a private key: "PUBLIC KEY"`},
		"no certificate inside":  {[]string{"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}, "a certificate that cannot be read"},
		"no key inside":          {[]string{"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}, "a private key that cannot be read"},
		"a passphrase":           {[]string{"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"}, "is protected by a passphrase"},
		"the wrong key":          {[]string{leaf.pem() + middle.pem(), other.keyPEM()}, `the key "b" holds a private key that is of none of the certificates`},
		"two keys":               {[]string{leaf.keyPEM(), other.keyPEM()}, `the key "b" holds a private key, and the key "a" another one`},
		"two leaves":             {[]string{leaf.pem() + other.pem()}, `2 certificates that are not of authorities: "CN=leaf" and "CN=other"`},
		"a gap":                  {[]string{leaf.pem() + root.pem()}, `the certificate of "CN=root" is not above that of "CN=leaf", whose chain ends with one that "CN=middle" issued`},
		"an authority by name":   {[]string{leaf.pem() + issue(t, "middle", true, root, nil).pem()}, "is not above that"},
		"many blocks":            {[]string{strings.Repeat(leaf.pem(), maxBlocks+1)}, "more than 100 PEM blocks"},
		"parameters and nothing": {[]string{"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"}, "neither a certificate nor a private key"},
	} {
		_, err := Read(asTexts(c.texts), steps(t))
		var of *Error
		if err == nil || !strings.Contains(err.Error(), c.want) || !errors.As(err, &of) {
			t.Errorf("%s: %v", name, err)
		}
	}
	r := &reader{steps: steps(t), all: []*x509.Certificate{leaf.Certificate}, key: &forged, from: "the key"}
	if _, err := r.bundle(); err == nil || !strings.Contains(err.Error(), "is not that of the certificate") {
		t.Errorf("the public part alone is taken for the key: %v", err)
	}
	if _, err := Read(asTexts([]string{leaf.pem()}), rawjson.NewSteps(t.Context(), 100)); !errors.Is(err, rawjson.ErrSteps) {
		t.Errorf("without steps: %v", err)
	}
}

func TestKeystores(t *testing.T) {
	root := issue(t, "root", true, issued{}, nil)
	leaf := issue(t, "leaf", false, root, nil)
	both, err := Read(asTexts([]string{leaf.keyPEM(), leaf.pem() + root.pem()}), steps(t))
	if err != nil {
		t.Fatal(err)
	}
	trusted, err := Read(asTexts([]string{root.pem() + issue(t, "other", true, issued{}, nil).pem()}), steps(t))
	if err != nil {
		t.Fatal(err)
	}
	const password = "changeit"
	for _, k := range []Keystore{PKCS12, JKS} {
		for name, b := range map[string]*Bundle{"a key": both, "authorities": trusted} {
			out, err := b.Keystore(k, []byte(password), steps(t))
			again, _ := b.Keystore(k, []byte(password), steps(t))
			other, _ := b.Keystore(k, []byte(password+"2"), steps(t))
			if err != nil || !bytes.Equal(out, again) || bytes.Equal(out, other) {
				t.Fatalf("%s of %s is not always the same: %v", k, name, err)
			}
			checkKeystore(t, k, out, b, password)
		}
	}
	for name, c := range map[string]struct {
		k        Keystore
		password string
		want     string
	}{"no password": {PKCS12, "", "is empty"}, "a short one": {JKS, "12345", "at least 6 bytes"}, "an odd one": {PKCS12, "\U0001F600", "does not know"}} {
		if _, err := both.Keystore(c.k, []byte(c.password), steps(t)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// checkKeystore reads a keystore with the libraries, and with the programs that are installed.
func checkKeystore(t *testing.T, k Keystore, out []byte, b *Bundle, password string) {
	t.Helper()
	switch {
	case k == PKCS12 && b.key != nil:
		key, cert, rest, err := pkcs12.DecodeChain(out, password)
		if err != nil || !cert.Equal(b.chain[0]) || len(rest) != len(b.chain)-1 || !b.key.Public().(*ecdsa.PublicKey).Equal(key.(*ecdsa.PrivateKey).Public()) {
			t.Errorf("the keystore is read as another: %v", err)
		}
	case k == PKCS12:
		if all, err := pkcs12.DecodeTrustStore(out, password); err != nil || len(all) != len(b.chain) {
			t.Errorf("%d certificates, %v", len(all), err)
		}
	default:
		store := keystore.New()
		if err := store.Load(bytes.NewReader(out), []byte(password)); err != nil {
			t.Fatal(err)
		}
		if entries := len(store.Aliases()); b.key == nil && entries != len(b.chain) || b.key != nil && entries != 1 {
			t.Errorf("%d entries", entries)
		}
	}
	at := filepath.Join(t.TempDir(), "keystore")
	if err := os.WriteFile(at, out, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("keytool"); err == nil {
		list, err := exec.Command("keytool", "-list", "-keystore", at, "-storepass", password).CombinedOutput()
		if err != nil || !bytes.Contains(list, []byte("contains")) {
			t.Errorf("keytool cannot read %s: %v, %s", k, err, list)
		}
	}
	if _, err := exec.LookPath("openssl"); err == nil && k == PKCS12 {
		if text, err := exec.Command("openssl", "pkcs12", "-in", at, "-passin", "pass:"+password, "-nodes").CombinedOutput(); err != nil {
			t.Errorf("openssl cannot read it: %v, %s", err, text)
		}
	}
}

// FuzzCertificate: no panic, no bytes of the text in an error, and parts that are read again.
func FuzzCertificate(f *testing.F) {
	whole, err := os.ReadFile("testdata/whole.pem") // the same in each process of the fuzzer
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{string(whole), string(whole[bytes.Index(whole, []byte("-----BEGIN CERT")):]), "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := Read([]Text{{"k", text}}, steps(t))
		if err != nil {
			return
		}
		for _, part := range []Part{Leaf, Chain, Key, Whole} {
			out, err := b.Part(part)
			if err != nil {
				continue
			}
			again, err := Read([]Text{{"k", out}}, steps(t))
			if err != nil {
				t.Fatalf("%s cannot be read again: %v", part, err)
			}
			if twice, err := again.Part(part); err != nil || !bytes.Equal(twice, out) {
				t.Fatalf("%s is another part when it is read again: %v", part, err)
			}
		}
	})
}

// BenchmarkKeystore is what keystoreCost stands for.
func BenchmarkKeystore(b *testing.B) {
	leaf := issue(b, "leaf", false, issued{}, nil)
	bundle, err := Read([]Text{{"k", []byte(leaf.keyPEM() + leaf.pem())}}, steps(b))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := bundle.Keystore(PKCS12, []byte("changeit"), steps(b)); err != nil {
			b.Fatal(err)
		}
	}
}
