// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/rawjson"
)

// wantWrong checks that an error is an *Error with a text, and shows no PEM.
func wantWrong(t *testing.T, err error, want string) {
	t.Helper()
	if _, is := errors.AsType[*Error](err); !is || !strings.Contains(err.Error(), want) {
		t.Errorf("got   %v\nwant  %s", err, want)
	}
	if err != nil && (strings.Contains(err.Error(), "MII") || strings.Contains(err.Error(), "-----")) {
		t.Errorf("the error shows PEM: %v", err)
	}
}

func TestTextsThatAreNotPEM(t *testing.T) {
	_, middle, leaf := three(t)
	utf16 := strings.Join(append(strings.Split(leaf.pem(), ""), ""), "\x00")
	damaged := strings.Replace(middle.pem(), "\nMII", "\n!II", 1)
	indented := "  " + strings.ReplaceAll(middle.pem(), "\n", "\n  ")
	headless := middle.pem()[strings.Index(middle.pem(), "\n")+1:]
	for name, c := range map[string]struct{ text, want string }{
		"nothing":     {"", `the key "a" is empty`},
		"white space": {" \r\n\t", `the key "a" is empty`},
		"a password":  {"hunter2-planted", `the key "a" holds no PEM; name a key that does`},
		"base64 of PEM": {base64.StdEncoding.EncodeToString([]byte(leaf.pem())),
			`the key "a" holds base64 of PEM; set encoding: base64`},
		"base64 of DER": {base64.StdEncoding.EncodeToString(leaf.Raw),
			`the key "a" holds a certificate, key or keystore in binary form (DER or PKCS #12), not PEM; convert it`},
		"DER":    {string(leaf.Raw), `the key "a" holds a certificate, key or keystore in binary form`},
		"UTF-16": {utf16, `the key "a" is in UTF-16; store it as UTF-8`},
		"written line breaks": {strings.ReplaceAll(leaf.pem(), "\n", `\n`),
			`the key "a" has the two characters \n instead of line breaks`},
		"no line breaks":        {strings.ReplaceAll(leaf.pem(), "\n", " "), `the key "a" has lost its line breaks`},
		"quotes":                {`"` + leaf.pem() + `"`, `the key "a" is in quotes`},
		"cut":                   {leaf.pem()[:200], `the key "a" holds PEM that is damaged: it was cut`},
		"indented":              {indented, `the key "a" holds PEM that is damaged`},
		"no base64":             {damaged, `the key "a" holds PEM that is damaged`},
		"a damaged one second":  {leaf.pem() + damaged + leaf.pem(), `PEM block 2 of the key "a" is damaged`},
		"a damaged one first":   {damaged + leaf.pem(), `PEM block 1 of the key "a" is damaged`},
		"a damaged one last":    {leaf.pem() + damaged, `PEM block 2 of the key "a" is damaged`},
		"the second one is cut": {leaf.pem() + middle.pem()[:300], `PEM block 2 of the key "a" is damaged`},
		"an indented one":       {leaf.pem() + indented, `PEM block 2 of the key "a" is damaged`},
		"no first line":         {leaf.pem() + headless, `PEM block 2 of the key "a" is damaged`},
		"no first line, first":  {headless + leaf.pem(), `PEM block 1 of the key "a" is damaged`},
		"two ends":              {leaf.pem() + "-----END CERTIFICATE-----\n", `PEM block 2 of the key "a" is damaged`},
		"an unfinished line": {strings.TrimSuffix(leaf.pem(), "\n") + middle.pem(),
			`the key "a" has two PEM blocks that meet in one line; store a line break between them`},
		"another behind it": {leaf.pem() + strings.TrimSuffix(leaf.pem(), "\n") + middle.pem(),
			`the key "a" has two PEM blocks that meet`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(asTexts(c.text), steps(t))
			wantWrong(t, err, c.want)
		})
	}
}

func TestBlocksThatAreNotUsed(t *testing.T) {
	_, _, leaf := three(t)
	block := func(kind string, bytes ...byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}))
	}
	locked := "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA " +
		"PRIVATE KEY-----\n"
	for name, c := range map[string]struct {
		texts []string
		want  string
	}{
		"a public key": {[]string{block("PUBLIC KEY", 1)},
			`PEM block 1 of the key "a" is of the kind PUBLIC KEY; keep blocks of the kinds CERTIFICATE, PRIVATE KEY`},
		"a request": {[]string{leaf.pem() + block("CERTIFICATE REQUEST", 1)},
			`PEM block 2 of the key "a" is of the kind CERTIFICATE REQUEST`},
		"an OpenSSH key":    {[]string{block("OPENSSH PRIVATE KEY", 1)}, "of the kind OPENSSH PRIVATE KEY"},
		"a label with text": {[]string{block("hunter2-planted", 1)}, "of an unknown kind"},
		"parameters alone": {[]string{block("EC PARAMETERS", 1)},
			`the key "a" holds neither a certificate nor a private key`},
		"in two keys": {[]string{block("EC PARAMETERS", 1), block("DH PARAMETERS", 1)},
			`the keys "a", "b" hold neither a certificate nor`},
		"no certificate in": {[]string{leaf.pem(), leaf.pem() + block("CERTIFICATE", 1)},
			`the certificate in PEM block 2 of the key "b" cannot be read`},
		"no private key in": {[]string{block("PRIVATE KEY", 1)},
			`the private key in the key "a" cannot be read: it is damaged, or of another kind than RSA, ECDSA and Ed25519`},
		"a passphrase": {[]string{block("ENCRYPTED PRIVATE KEY", 1)},
			`the private key in the key "a" is protected by a passphrase; store the key without one`},
		"an old passphrase":   {[]string{locked}, `the private key in the key "a" is protected by a passphrase`},
		"a label of no bytes": {[]string{"-----BEGIN -----\nAAAA\n-----END -----\n"}, "unknown kind"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(asTexts(c.texts...), steps(t))
			wantWrong(t, err, c.want)
			if err != nil && strings.Contains(err.Error(), "planted") {
				t.Errorf("the error shows a label: %v", err)
			}
		})
	}
}

func TestPiecesThatDoNotBelongTogether(t *testing.T) {
	root, middle, leaf := three(t)
	other, far := issue(t, "other", false, middle, nil), issue(t, "far", true, issued{}, nil)
	again := issue(t, "middle", true, root, nil)
	renewed := issue(t, "leaf", false, middle, leaf.key)
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	day := leaf.NotAfter.UTC().Format(time.DateOnly)
	for name, c := range map[string]struct {
		texts []string
		want  string
	}{
		"the wrong key": {[]string{leaf.pem() + middle.pem(), other.keyPEM()},
			`the private key in the key "b" is not of any of the certificates: "CN=leaf" (key "a"), "CN=middle" (key "a"); store the certificate`},
		"two private keys": {[]string{leaf.keyPEM(), other.keyPEM()},
			`the keys "a" and "b" hold two private keys; name the one`},
		"two in one key": {[]string{leaf.keyPEM() + other.keyPEM()}, `the key "a" holds two private keys; keep the one`},
		"two leaves": {[]string{leaf.pem(), other.pem()},
			`2 certificates are not of an authority: "CN=leaf" (key "a"), "CN=other" (key "b"); name only`},
		"two, and a key": {[]string{leaf.pem() + other.pem() + middle.pem() + leaf.keyPEM()},
			`the certificate of "CN=other" (key "a") is not in the chain of "CN=leaf" (key "a"); drop it`},
		"an old one": {[]string{leaf.pem(), renewed.pem(), leaf.keyPEM()},
			fmt.Sprintf(`has 2 certificates: "CN=leaf" (key "a") until %s, and "CN=leaf" (key "b") until %[1]s; keep one`, day)},
		"a gap": {[]string{leaf.pem(), root.pem(), leaf.keyPEM()},
			`the certificate of "CN=middle" is missing, which issued that of "CN=leaf" (key "a"), so that of "CN=root" (key "b") does not connect; add the missing one, or drop the other`},
		"a gap, no key": {[]string{leaf.pem() + root.pem()}, `the certificate of "CN=middle" is missing`},
		"the same name": {[]string{leaf.pem(), again.pem()},
			`the certificate of "CN=middle" (key "b") has the name of the issuer of "CN=leaf" (key "a"), but did not sign it; store the certificate that did`},
		"another authority": {[]string{leaf.pem() + middle.pem() + root.pem(), far.pem()},
			`the certificate of "CN=far" (key "b") is not in the chain of "CN=leaf" (key "a"); drop it`},
		"many": {[]string{leaf.pem(), other.pem(), renewed.pem(), issue(t, "x", false, middle, nil).pem()},
			`(key "c"), …; name only`},
		"a long name": {[]string{issue(t, strings.Repeat("x", 60000), false, middle, nil).pem()},
			"more than 65536 bytes of PEM"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(asTexts(c.texts...), steps(t))
			wantWrong(t, err, c.want)
			if err != nil && len(err.Error()) > 800 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		})
	}
	if _, err := Read(asTexts(issue(t, "weak", false, issued{}, weak).pem(), (issued{key: weak}).keyPEM()),
		steps(t)); err != nil {
		t.Errorf("an RSA key of 1024 bits: %v", err)
	}
}

// TestAWeakKey: crypto/rsa does not sign with it. Go does not make one either, openssl did.
func TestAWeakKey(t *testing.T) {
	cert, err := os.ReadFile("testdata/weak.pem")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Read(asTexts(string(cert)), steps(t))
	wantWrong(t, err, `the private key in the key "a" has 512 bits; use one of at least 2048 bits`)
}

func TestPartsThatAreNotThere(t *testing.T) {
	root, middle, leaf := three(t)
	other := issue(t, "other", true, issued{}, nil)
	for name, c := range map[string]struct {
		texts []string
		part  Part
		want  string
	}{
		"no private key": {[]string{leaf.pem() + middle.pem()}, Key,
			`the key "a" holds no private key; name the key of the secret that does too`},
		"no private key in a bundle": {[]string{leaf.pem(), middle.pem()}, Whole, `the keys "a", "b" hold no private key`},
		"no certificate":             {[]string{leaf.keyPEM()}, Chain, `the key "a" holds no certificate; name the key`},
		"no leaf without":            {[]string{leaf.keyPEM()}, Leaf, "holds no certificate"},
		"no bundle without":          {[]string{leaf.keyPEM()}, Whole, "holds no certificate"},
		"authorities only": {[]string{root.pem() + other.pem()}, Leaf,
			`only certificates of authorities that form no chain, so none of them is the leaf: "CN=root" (key "a"), "CN=other" (key "a"); use part: chain`},
	} {
		got, err := read(t, c.texts...).Part(c.part)
		wantWrong(t, err, c.want)
		if got != nil {
			t.Errorf("%s: got %d bytes with an error", name, len(got))
		}
	}
	wantPart(t, read(t, leaf.keyPEM()), Key, "key")
}

// TestPossessionIsProved: the public part alone is not taken for the private key.
func TestPossessionIsProved(t *testing.T) {
	owner, _ := rsa.GenerateKey(rand.Reader, 2048)
	other, _ := rsa.GenerateKey(rand.Reader, 2048)
	forged := *other
	forged.PublicKey = owner.PublicKey
	leaf := issue(t, "leaf", false, issued{}, owner)
	p := &pieces{steps: steps(t), certificates: []found{newFound(leaf.Certificate, "a")},
		key: &privateKey{&forged, nil, "b"}}
	_, _, err := p.chain()
	wantWrong(t, err, `the private key in the key "b" is not that of the certificate of "CN=leaf" (key "a")`)
}

func TestErrorsOfStepsAreTheirOwn(t *testing.T) {
	root, middle, leaf := three(t)
	text := leaf.pem() + middle.pem() + root.pem() + leaf.keyPEM()
	// From no steps at all up to enough: every place that takes some.
	enough := 0
	for n := 0; ; n += 1000 {
		_, err := Read(asTexts(text), rawjson.NewSteps(t.Context(), n))
		if err == nil {
			enough = n
			break
		}
		if !errors.Is(err, rawjson.ErrSteps) {
			t.Fatalf("%d steps: %v", n, err)
		}
	}
	t.Logf("%d steps are enough", enough)
	b := read(t, text)
	if _, err := b.Keystore(PKCS12, []byte("changeit"), rawjson.NewSteps(t.Context(), costOfKeystore-1)); !errors.Is(err,
		rawjson.ErrSteps) {
		t.Errorf("a keystore without steps: %v", err)
	}
}

func TestLimits(t *testing.T) {
	small := "-----BEGIN EC PARAMETERS-----\nAAAA\n-----END EC PARAMETERS-----\n"
	_, err := Read(asTexts(strings.Repeat(small, maxBlocks+1)), steps(t))
	wantWrong(t, err, `the key "a" holds more than 100 PEM blocks`)
	_, err = Read(asTexts(strings.Repeat(small, maxBlocks/2), strings.Repeat(small, maxBlocks/2+1)), steps(t))
	wantWrong(t, err, `the keys "a", "b" hold more than 100 PEM blocks`)
	_, err = Read(asTexts(strings.Repeat("x", maxBytes/2), strings.Repeat("x", maxBytes/2+1)), steps(t))
	wantWrong(t, err, `the key "a" holds no PEM`)
	_, err = Read(asTexts(small+strings.Repeat("x", maxBytes)), steps(t))
	wantWrong(t, err, `the key "a" holds more than 65536 bytes of PEM`)
	_, err = Read(nil, steps(t))
	wantWrong(t, err, "neither a certificate nor a private key")
}

// TestCuresOfMistakes follows the advice.
func TestCuresOfMistakes(t *testing.T) {
	_, middle, leaf := three(t)
	encoded := base64.StdEncoding.EncodeToString([]byte(leaf.pem()))
	decoded, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	wantPart(t, read(t, string(decoded)), Leaf, "leaf")
	wantPart(t, read(t, strings.ReplaceAll(strings.ReplaceAll(leaf.pem(), "\n", `\n`), `\n`, "\n")), Leaf, "leaf")
	wantPart(t, read(t, leaf.pem(), leaf.keyPEM()), Whole, "key leaf")
	wantPart(t, read(t, leaf.pem(), middle.pem(), leaf.keyPEM()), Chain, "leaf middle")
}
