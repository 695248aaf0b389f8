package credential

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/sniff"
)

// maxModulus is the limit of an RSA key in bits. The check of a larger key, and each handshake
// with it, takes many seconds of processor time and cannot be cancelled. crypto/rsa has the
// lower limit, 1024.
const maxModulus = 8192

// parseCertificate returns the credential of a client certificate and its private key. The
// cheapest check comes first: size, form, then a signature. Only the signature proves that the
// sender holds the private key: tls.X509KeyPair compares public parts, which anyone may know.
func parseCertificate(certPEM, keyPEM []byte, source string, now time.Time) (Credential, error) {
	if err := checkSize(keyPEM, KeyPrivateKey, maxKey); err != nil {
		return Credential{}, err
	}
	if err := checkSize(certPEM, KeyCertificate, maxCertificate); err != nil {
		return Credential{}, err
	}
	certPEM, keyPEM = sniff.WithoutMark(certPEM), sniff.WithoutMark(keyPEM)
	if text := cmp.Or(mistake(KeyCertificate, certPEM), mistake(KeyPrivateKey, keyPEM)); text != "" {
		return Credential{}, errors.New(text)
	}
	if bits := modulusOf(certPEM); bits > maxModulus {
		return Credential{}, fmt.Errorf("the key of the certificate in %s has %d bits; at most %d are supported", KeyCertificate, bits, maxModulus)
	}
	if err := checkKeyForm(keyPEM); err != nil {
		return Credential{}, fmt.Errorf("%s %w", KeyPrivateKey, err)
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		// The texts of X509KeyPair name the types of PEM blocks, and quote no content.
		return Credential{}, fmt.Errorf("%s and %s do not make a client certificate: %s", KeyCertificate, KeyPrivateKey,
			message.OneLine(strings.TrimPrefix(err.Error(), "tls: ")))
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return Credential{}, fmt.Errorf("%s cannot be read as a certificate", KeyCertificate)
	}
	if err := provePossession(pair.PrivateKey, leaf.PublicKey); err != nil {
		return Credential{}, fmt.Errorf("%s is not the private key of the certificate in %s: %w", KeyPrivateKey, KeyCertificate, err)
	}
	if now.After(leaf.NotAfter) {
		return Credential{}, fmt.Errorf("the certificate in %s expired on %s", KeyCertificate, leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	if now.Before(leaf.NotBefore) {
		return Credential{}, fmt.Errorf("the certificate in %s is not valid before %s", KeyCertificate, leaf.NotBefore.UTC().Format(time.RFC3339))
	}
	id, err := identityOfPair(pair)
	if err != nil {
		return Credential{}, fmt.Errorf("%s cannot be encoded as PKCS #8", KeyPrivateKey)
	}
	return Credential{kind: KindCertificate, source: source, certificate: &pair, expires: leaf.NotAfter,
		id: id, fingerprint: sha256.Sum256(pair.Certificate[0])}, nil
}

// modulusOf returns the size in bits of the RSA key of the first certificate, 0 if it has
// another kind of key or cannot be read.
func modulusOf(certPEM []byte) int {
	for block, rest := pem.Decode(certPEM); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		leaf, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return 0
		}
		if key, is := leaf.PublicKey.(*rsa.PublicKey); is {
			return key.N.BitLen()
		}
		return 0
	}
	return 0
}

// identityOfPair returns the identity of a certificate: of its private key, which is the secret,
// and of its whole chain, so that a corrected chain is another credential.
func identityOfPair(pair tls.Certificate) (id [sha256.Size]byte, err error) {
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		return id, err
	}
	return identity(string(KindCertificate), append([][]byte{key}, pair.Certificate...)...), nil
}

// checkKeyForm returns an error for a key that crypto/x509 must not get: it computes with all
// numbers of an RSA key before it compares them, and does not check the primes of a key with
// more than two. checkKeyForm accepts a key that is not DER: tls.X509KeyPair refuses it.
func checkKeyForm(keyPEM []byte) error {
	block := privateKeyBlock(keyPEM)
	if block == nil {
		return nil
	}
	if block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "" {
		return errors.New("is protected by a passphrase; store the key without one")
	}
	return checkKeyNumbers(block.Bytes, true)
}

// checkKeyNumbers checks the integers of a key in any form: PKCS #1 (RFC 8017, appendix A.1.2),
// SEC 1, or if envelope is set also PKCS #8 (RFC 5958), whose OCTET STRING holds one of the
// others.
func checkKeyNumbers(der []byte, envelope bool) error {
	var elements []asn1.RawValue
	if _, err := asn1.Unmarshal(der, &elements); err != nil {
		return nil
	}
	numbers := 0
	for _, e := range elements {
		switch {
		case e.Class != asn1.ClassUniversal:
		case e.Tag == asn1.TagInteger:
			numbers++
			if bits := 8 * (len(e.Bytes) - 1); bits > maxModulus {
				return fmt.Errorf("is an RSA key with a number of about %d bits; at most %d are supported", bits, maxModulus)
			}
		case e.Tag == asn1.TagOctetString && envelope:
			if err := checkKeyNumbers(e.Bytes, false); err != nil {
				return err
			}
		}
	}
	// An RSA key is version 0 and eight integers. A key of more than two primes is version 1, and
	// has a SEQUENCE of the other primes at the end.
	const least = 6
	if numbers >= least && (numbers < len(elements) || !bytes.Equal(elements[0].Bytes, []byte{0})) {
		return errors.New("is an RSA key of more than two primes, which is not supported; use one of two primes")
	}
	return nil
}

// provePossession signs with the private key and verifies with the certificate's public key. It
// returns nil if the signature is valid.
func provePossession(private crypto.PrivateKey, public crypto.PublicKey) error {
	signer, ok := private.(crypto.Signer)
	if !ok {
		return errors.New("it cannot sign")
	}
	digest := sha256.Sum256([]byte("ovhcloud-csi-provider"))
	message, hash := digest[:], crypto.Hash(crypto.SHA256)
	if _, is := public.(ed25519.PublicKey); is {
		hash = 0 // Ed25519 signs a message, not its digest
	}
	signature, err := signer.Sign(rand.Reader, message, hash)
	if err != nil {
		return errors.New("it cannot sign")
	}
	var valid bool
	switch key := public.(type) {
	case *rsa.PublicKey:
		valid = rsa.VerifyPKCS1v15(key, crypto.SHA256, message, signature) == nil
	case *ecdsa.PublicKey:
		valid = ecdsa.VerifyASN1(key, message, signature)
	case ed25519.PublicKey:
		valid = ed25519.Verify(key, message, signature)
	}
	if !valid {
		return errors.New("its signature does not match the certificate")
	}
	return nil
}
