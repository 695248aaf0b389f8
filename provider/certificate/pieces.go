// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"slices"

	"ovhcloud-csi-provider/provider/keypair"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/rawjson"
)

// found is a certificate of a text.
type found struct {
	*x509.Certificate
	from            string // the key of the secret
	subject, issuer name
}

func newFound(one *x509.Certificate, from string) found {
	return found{one, from, newName(one.RawSubject, &one.Subject), newName(one.RawIssuer, &one.Issuer)}
}

// String returns the subject and the key, for messages.
func (f found) String() string {
	return quote(f.Subject) + " (key " + message.Quote(f.from) + ")"
}

// quote returns the name of a certificate, for messages.
func quote(name pkix.Name) string {
	if text := name.String(); text != "" {
		return message.Quote(text)
	}
	return "a certificate without a subject"
}

// longestName is the limit in bytes of names that are compared as texts. To make a text takes 20
// times its name in memory.
const longestName = 1 << 10

// name is a subject or an issuer. Each is compared with many others, so its text is made once.
type name struct {
	raw   []byte
	text  string // "" if the name is empty or too long
	parts int
}

func newName(raw []byte, of *pkix.Name) name {
	n := name{raw: raw, parts: len(of.Names)}
	if len(raw) <= longestName {
		n.text = of.String()
	}
	return n
}

// is reports whether two names are equal. Programs may encode equal texts in different ways.
func (n name) is(other name) bool {
	return bytes.Equal(n.raw, other.raw) || n.text != "" && n.text == other.text && n.parts == other.parts
}

// maybeIssued reports whether a certificate has the name of another one's issuer.
func (f found) maybeIssued(below found) bool { return f.subject.is(below.issuer) }

// selfIssued reports whether a certificate names itself as its issuer, as those of roots do.
func (f found) selfIssued() bool { return f.maybeIssued(f) }

// isEnd reports whether a certificate is neither an authority's nor one that issued itself.
func (f found) isEnd() bool { return !f.IsCA && !f.selfIssued() }

// privateKey is the private key of a text.
type privateKey struct {
	crypto.Signer
	block *pem.Block // the form in which it is stored
	from  string     // the key of the secret
}

// pieces is what the PEM blocks of all texts hold.
type pieces struct {
	steps        *rawjson.Steps
	certificates []found
	key          *privateKey
}

// known are the labels of PEM blocks that a message may show. Others may hold anything.
var known = []string{
	"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST", "X509 CERTIFICATE", "TRUSTED CERTIFICATE", "X509 CRL",
	"PKCS7", "CMS",
	"PUBLIC KEY", "RSA PUBLIC KEY", "DSA PRIVATE KEY", "OPENSSH PRIVATE KEY", "DSA PARAMETERS",
}

// add reads a block of a key of the secret. number counts the blocks of the key from 1.
func (p *pieces) add(block *pem.Block, key string, number int) error {
	switch block.Type {
	case "CERTIFICATE":
		return p.addCertificate(block, key, number)
	case "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY":
		return p.addKey(block, key)
	case "EC PARAMETERS", "DH PARAMETERS": // openssl writes them before a key
		return nil
	}
	what := "an unknown kind"
	if slices.Contains(known, block.Type) {
		what = "the kind " + block.Type
	}
	return wrong("PEM block %d of the key %s is of %s; keep blocks of the kinds CERTIFICATE, PRIVATE KEY, RSA PRIVATE "+
		"KEY and EC PRIVATE KEY",
		number, message.Quote(key), what)
}

func (p *pieces) addCertificate(block *pem.Block, key string, number int) error {
	one, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return wrong("the certificate in PEM block %d of the key %s cannot be read: it is damaged, or of a kind that is "+
			"not supported; check it with openssl x509 -text",
			number, message.Quote(key))
	}
	f := newFound(one, key)
	if public, is := one.PublicKey.(*rsa.PublicKey); is && public.N.BitLen() > keypair.MaxModulus {
		return wrong("the certificate of %s has a key of %d bits; at most %d are supported", f, public.N.BitLen(),
			keypair.MaxModulus)
	}
	if !slices.ContainsFunc(p.certificates, func(other found) bool { return other.Equal(one) }) {
		p.certificates = append(p.certificates, f)
	}
	return nil
}

func (p *pieces) addKey(block *pem.Block, key string) error {
	where := "the private key in the key " + message.Quote(key)
	switch {
	case p.key != nil && bytes.Equal(p.key.block.Bytes, block.Bytes):
		return nil
	case p.key != nil && p.key.from == key:
		return wrong("the key %s holds two private keys; keep the one of the certificate", message.Quote(key))
	case p.key != nil:
		return wrong("the keys %s and %s hold two private keys; name the one of the certificate", message.Quote(p.key.from),
			message.Quote(key))
	}
	if err := keypair.CheckForm(block); err != nil {
		return wrong("%s %s", where, err)
	}
	if err := p.steps.Take(costOfParsing(len(block.Bytes))); err != nil {
		return err
	}
	signer := parseKey(block.Bytes)
	if signer == nil {
		return wrong("%s cannot be read: it is damaged, or of another kind than RSA, ECDSA and Ed25519; store it as "+
			"openssl genpkey writes it", where)
	}
	p.key = &privateKey{signer, &pem.Block{Type: block.Type, Bytes: block.Bytes}, key}
	return nil
}

// parseKey returns a private key in any of its three forms, nil if it is in none. The label of the
// block is not asked: programs write PKCS #8 with the label of PKCS #1, and others read it.
func parseKey(der []byte) crypto.Signer {
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		signer, _ := key.(crypto.Signer)
		return signer
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key
	}
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return key
	}
	return nil
}

// subjects returns certificates for a message.
func subjects(all []found) string {
	var names []string
	for _, one := range all[:min(len(all), mostNamed+1)] {
		names = append(names, one.String())
	}
	return list(names)
}
