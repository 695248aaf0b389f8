// SPDX-License-Identifier: Apache-2.0

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
	"encoding/pem"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParts(t *testing.T) {
	root, middle, leaf := three(t)
	const mark = "\xef\xbb\xbf"
	crlf := func(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }
	for name, texts := range map[string][]string{
		"in order":     {leaf.keyPEM(), leaf.pem() + middle.pem() + root.pem()},
		"out of order": {root.pem() + leaf.pem() + middle.pem(), leaf.keyPEM()},
		"in one text":  {middle.pem() + leaf.keyPEM() + root.pem() + leaf.pem()},
		"twice":        {leaf.pem() + leaf.pem() + leaf.keyPEM() + middle.pem(), leaf.keyPEM() + root.pem()},
		"with other texts": {"subject=x\n" + leaf.pem() + "\nBag Attributes: <none>\n" + middle.pem(),
			leaf.keyPEM() + root.pem()},
		"CRLF":         {crlf(leaf.pem() + middle.pem()), crlf(leaf.keyPEM() + root.pem())},
		"joined files": {mark + leaf.pem() + mark + middle.pem(), mark + leaf.keyPEM() + "\n\n" + mark + root.pem()},
		"no last break": {strings.TrimSpace(leaf.pem()), strings.TrimSpace(middle.pem()), strings.TrimSpace(root.pem()),
			strings.TrimSpace(leaf.keyPEM())},
	} {
		t.Run(name, func(t *testing.T) {
			b := read(t, texts...)
			for part, want := range map[Part]string{Leaf: "leaf", Chain: "leaf middle root", Key: "key",
				Whole: "key leaf middle root"} {
				wantPart(t, b, part, want)
			}
		})
	}
}

func TestAPartIsTheStoredBlock(t *testing.T) {
	_, _, leaf := three(t)
	b := read(t, leaf.keyPEM()+leaf.pem())
	for part, want := range map[Part]string{Leaf: leaf.pem(), Key: leaf.keyPEM(), Whole: leaf.keyPEM() + leaf.pem()} {
		if got, err := b.Part(part); err != nil || string(got) != want {
			t.Errorf("%s is other PEM than what is stored, %v", part, err)
		}
	}
}

func TestChainsWithoutAPrivateKey(t *testing.T) {
	root, middle, leaf := three(t)
	other := issue(t, "other", true, issued{}, nil)
	pinned := issue(t, "pinned", false, issued{}, nil)
	for name, c := range map[string]struct {
		texts, leaf, chain string
	}{
		"a leaf":                    {leaf.pem(), "leaf", "leaf"},
		"a leaf and its authority":  {middle.pem() + leaf.pem(), "leaf", "leaf middle"},
		"authorities in a chain":    {root.pem() + middle.pem(), "middle", "middle root"},
		"one root":                  {root.pem(), "root", "root"},
		"several roots":             {root.pem() + other.pem(), "", "root other"},
		"a chain and another root":  {root.pem() + other.pem() + middle.pem(), "", "root other middle"},
		"certificates that are own": {pinned.pem() + issue(t, "pinned2", false, issued{}, nil).pem(), "", "pinned pinned2"},
		"one that is its own":       {pinned.pem(), "pinned", "pinned"},
	} {
		b := read(t, c.texts)
		wantPart(t, b, Chain, c.chain)
		if c.leaf != "" {
			wantPart(t, b, Leaf, c.leaf)
		} else if _, err := b.Part(Leaf); err == nil || !strings.Contains(err.Error(), "none of them is the leaf") {
			t.Errorf("%s: the leaf: %v", name, err)
		}
	}
}

// TestOldAuthorities: a certificate of version 1 does not say that it is an authority's.
func TestOldAuthorities(t *testing.T) {
	old := blank("old", false)
	old.BasicConstraintsValid = false
	root := issue(t, "root", true, issued{}, nil)
	middle := sign(t, old, root, newKey(t))
	leaf := issue(t, "leaf", false, middle, nil)
	wantPart(t, read(t, root.pem()+middle.pem()+leaf.pem()), Chain, "leaf old root")
}

// TestCrossSignedAuthorities: x is certified by itself and by y. No certificate is dropped.
func TestCrossSignedAuthorities(t *testing.T) {
	y := issue(t, "y", true, issued{}, nil)
	x := issue(t, "x", true, issued{}, nil)
	cross := issue(t, "x", true, y, x.key)
	middle := issue(t, "middle", true, x, nil)
	leaf := issue(t, "leaf", false, middle, nil)
	for name, c := range map[string]struct {
		texts []issued
		want  []issued
	}{
		"the cross-signed first": {[]issued{leaf, middle, cross, y, x}, []issued{leaf, middle, cross, y, x}},
		"the root first":         {[]issued{y, x, cross, middle, leaf}, []issued{leaf, middle, x, cross, y}},
		"without its issuer":     {[]issued{cross, leaf, middle}, []issued{leaf, middle, cross}},
		"with both":              {[]issued{cross, leaf, x, middle}, []issued{leaf, middle, cross, x}},
	} {
		var text, want strings.Builder
		for _, one := range c.texts {
			text.WriteString(one.pem())
		}
		for _, one := range c.want {
			want.WriteString(one.pem())
		}
		if got, err := read(t, text.String(), leaf.keyPEM()).Part(Chain); err != nil || string(got) != want.String() {
			t.Errorf("%s: the chain is %s, %v", name, names(t, got), err)
		}
	}
}

// TestSignaturesThatAreNotVerified: of a signature with MD5, names and identifiers of keys decide.
func TestSignaturesThatAreNotVerified(t *testing.T) {
	root, middle, leaf := three(t)
	md5 := func(one issued) found {
		c := *one.Certificate
		c.SignatureAlgorithm = x509.MD5WithRSA
		return newFound(&c, "a")
	}
	sure := func(one issued) found { return newFound(one.Certificate, "a") }
	again := issue(t, "middle", true, root, nil)
	p := &pieces{steps: steps(t)}
	for name, c := range map[string]struct {
		above, below found
		want         bool
	}{
		"verified": {sure(middle), sure(leaf), true}, "by names": {sure(middle), md5(leaf), true},
		"another key of the name": {sure(again), md5(leaf), false}, "the same, verified": {sure(again), sure(leaf), false},
		"another name": {sure(root), md5(leaf), false},
	} {
		if got, err := p.issued(c.above, c.below); err != nil || got != c.want {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
}

// TestDatesAreNotChecked: an application may want a certificate before it is valid, or after.
func TestDatesAreNotChecked(t *testing.T) {
	for _, days := range []int{-400, 400} {
		template := blank("leaf", false)
		template.NotBefore, template.NotAfter = time.Now().AddDate(0, 0, days), time.Now().AddDate(0, 0, days+10)
		leaf := sign(t, template, issue(t, "root", true, issued{}, nil), newKey(t))
		wantPart(t, read(t, leaf.pem(), leaf.keyPEM()), Whole, "key leaf")
	}
}

func TestFormsOfPrivateKeys(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edwards, _ := ed25519.GenerateKey(rand.Reader)
	curve, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	large, _ := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	sec1, _ := x509.MarshalECPrivateKey(curve)
	pkcs8, _ := x509.MarshalPKCS8PrivateKey(rsaKey)
	block := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	const parameters = "-----BEGIN EC PARAMETERS-----\nBgUrgQQAIg==\n-----END EC PARAMETERS-----\n"
	for name, c := range map[string]struct {
		key  crypto.Signer
		text string
	}{
		"RSA": {rsaKey, ""}, "Ed25519": {edwards, ""}, "P-384": {curve, ""}, "P-521": {large, ""},
		"PKCS #1":                         {rsaKey, block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey))},
		"SEC 1":                           {curve, parameters + block("EC PRIVATE KEY", sec1)},
		"PKCS #8 by the label of PKCS #1": {rsaKey, block("RSA PRIVATE KEY", pkcs8)},
	} {
		leaf := issue(t, "leaf", false, issued{}, c.key)
		if c.text == "" {
			c.text = leaf.keyPEM()
		}
		b := read(t, c.text, leaf.pem())
		if got, err := b.Part(Key); err != nil || string(got) != strings.TrimPrefix(c.text, parameters) {
			t.Errorf("%s: the key is another PEM block, %v", name, err)
		}
		for _, k := range []Keystore{PKCS12, JKS} {
			if _, err := b.Keystore(k, []byte("changeit"), steps(t)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestNamesOfPartsAndKeystores(t *testing.T) {
	for _, name := range []string{"leaf", "chain", "key", "bundle"} {
		if p, err := ParsePart(name); err != nil || string(p) != name {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"pkcs12", "jks"} {
		if k, err := ParseKeystore(name); err != nil || string(k) != name {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ParsePart("chian"); err == nil || !strings.Contains(err.Error(), `"chian" is not a part; did you mean`) {
		t.Errorf("a misspelt part: %v", err)
	}
	if _, err := ParseKeystore("pkcs"); err == nil || !strings.Contains(err.Error(), `"pkcs" is not a keystore`) {
		t.Errorf("a misspelt keystore: %v", err)
	}
	if _, err := ParsePart(""); err == nil {
		t.Error("no part is a part")
	}
}

// TestPartsDoNotDependOnTheOrder: the texts and the blocks in them may come in any order.
func TestPartsDoNotDependOnTheOrder(t *testing.T) {
	root, middle, leaf := three(t)
	blocks := []string{root.pem(), middle.pem(), leaf.pem(), leaf.keyPEM()}
	want, err := read(t, blocks...).Part(Whole)
	if err != nil {
		t.Fatal(err)
	}
	for range 24 {
		blocks = append(blocks[1:], blocks[0])
		if serial++; serial%2 == 0 {
			slices.Reverse(blocks[1:])
		}
		if got, err := read(t, blocks...).Part(Whole); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("another order gives %s, %v", names(t, got), err)
		}
	}
}
