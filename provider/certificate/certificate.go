// Package certificate takes PEM apart that is stored in a secret: certificates and a private key. It
// orders them, checks them against one another, and makes files of their parts, and keystores.
//
// It does not check trust or dates: an application may want a certificate that is not valid yet. No
// error shows PEM. The same input always gives the same bytes.
package certificate

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"ovhcloud-csi-provider/provider/keypair"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/rawjson"
	"ovhcloud-csi-provider/provider/sniff"
)

// maxBlocks bounds the PEM blocks of all texts together.
const maxBlocks = 100

// What checks cost in steps, in bytes that are looked at in the same time: a signature of a
// certificate, and one with an RSA key of 1,024 bits, which grows with the third power.
const (
	signatureCost = 16 << 10
	possessCost   = 4 << 10
)

// Text is the value of a key of a secret.
type Text struct {
	Key string
	PEM []byte
}

// Bundle is certificates and a private key that belong together.
type Bundle struct {
	// chain is the leaf and the certificates above it, in this order. If there is no leaf, it is
	// authorities in the order of the texts.
	chain []*x509.Certificate
	leaf  bool
	key   crypto.Signer // nil if there is none
	block *pem.Block    // of the key, in the form in which it is stored
}

// Error is what is wrong with the texts. Its text shows no PEM.
type Error struct{ What string }

// Error returns what is wrong.
func (e *Error) Error() string { return e.What }

func wrong(format string, args ...any) error { return &Error{fmt.Sprintf(format, args...)} }

// reader is the state of Read.
type reader struct {
	steps  *rawjson.Steps
	all    []*x509.Certificate
	key    crypto.Signer
	block  *pem.Block
	from   string // the key of the secret that has the private key
	blocks int
}

// Read returns what is in the texts. Between PEM blocks there may be anything. The error is an
// *Error, or that of the steps.
func Read(texts []Text, steps *rawjson.Steps) (*Bundle, error) {
	r := &reader{steps: steps}
	for _, text := range texts {
		if err := r.text(text); err != nil {
			return nil, err
		}
	}
	if len(r.all) == 0 && r.key == nil {
		return nil, wrong("holds neither a certificate nor a private key")
	}
	return r.bundle()
}

// text reads the blocks of one text.
func (r *reader) text(t Text) error {
	where := "the key " + message.Quote(t.Key)
	if err := r.steps.Take(len(t.PEM)); err != nil {
		return err
	}
	rest := sniff.WithoutMark(t.PEM)
	found := false
	for block, after := pem.Decode(rest); block != nil; block, after = pem.Decode(after) {
		found = true
		if r.blocks++; r.blocks > maxBlocks {
			return wrong("holds more than %d PEM blocks", maxBlocks)
		}
		if err := r.add(block, where); err != nil {
			return err
		}
	}
	if !found {
		return wrong("%s holds no PEM%s", where, hint(rest))
	}
	return nil
}

// hint returns what a text without PEM may be instead.
func hint(text []byte) string {
	decoded, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(string(text)), ""))
	switch {
	case err == nil && bytes.Contains(decoded, []byte("-----BEGIN ")):
		return ", but base64 of PEM; give encoding: base64"
	case err == nil && len(decoded) > 0 && decoded[0] == 0x30:
		return ", but base64 of DER; store it as PEM"
	case bytes.Contains(text, []byte("-----BEGIN ")) && bytes.Contains(text, []byte(`\n`)):
		return `: its line breaks are \n in two characters; store real ones`
	case bytes.Contains(text, []byte("-----BEGIN ")):
		return " that is complete: its lines are broken, or its end is missing"
	}
	return ""
}

// add reads one block.
func (r *reader) add(block *pem.Block, where string) error {
	switch {
	case block.Type == "CERTIFICATE":
		one, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return wrong("%s holds a certificate that cannot be read", where)
		}
		if key, is := one.PublicKey.(*rsa.PublicKey); is && key.N.BitLen() > keypair.MaxModulus {
			return wrong("%s holds a certificate whose key has %d bits; at most %d are supported", where, key.N.BitLen(), keypair.MaxModulus)
		}
		for _, other := range r.all {
			if other.Equal(one) {
				return nil
			}
		}
		r.all = append(r.all, one)
	case strings.HasSuffix(block.Type, "PRIVATE KEY"):
		return r.addKey(block, where)
	case block.Type == "EC PARAMETERS" || block.Type == "DH PARAMETERS":
	default:
		return wrong("%s holds a PEM block that is neither a certificate nor a private key: %s", where, message.Quote(block.Type))
	}
	return nil
}

// addKey reads a private key. There may be one.
func (r *reader) addKey(block *pem.Block, where string) error {
	if r.key != nil {
		if bytes.Equal(r.block.Bytes, block.Bytes) {
			return nil
		}
		return wrong("%s holds a private key, and %s another one; one certificate has one key", where, r.from)
	}
	if err := keypair.CheckForm(block); err != nil {
		return wrong("%s holds a private key that %s", where, err)
	}
	key, err := parseKey(block)
	if err != nil {
		return wrong("%s holds a private key that cannot be read", where)
	}
	r.key, r.block, r.from = key, &pem.Block{Type: block.Type, Bytes: block.Bytes}, where
	return nil
}

// parseKey reads a key in any of its three forms.
func parseKey(block *pem.Block) (crypto.Signer, error) {
	var key any
	var err error
	switch block.Type {
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	}
	signer, is := key.(crypto.Signer)
	if err == nil && !is {
		err = errors.New("it cannot sign")
	}
	return signer, err
}
