// SPDX-License-Identifier: Apache-2.0

// Package keypair proves that a private key belongs to a certificate, and refuses keys that must not
// be computed with. It does not read files, and knows no certificates of others.
package keypair

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
)

// MaxModulus is the limit of an RSA key in bits. The check of a larger key, and each handshake
// with it, takes many seconds of processor time and cannot be cancelled. crypto/rsa has the
// lower limit, 1024.
const MaxModulus = 8192

// CheckForm returns an error for a key that crypto/x509 must not get: it computes with all
// numbers of an RSA key before it compares them, and does not check the primes of a key with
// more than two. CheckForm accepts a key that is not DER: crypto/x509 refuses it.
func CheckForm(block *pem.Block) error {
	if block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "" {
		return errors.New("is protected by a passphrase; store the key without one")
	}
	return checkKeyNumbers(block.Bytes, true)
}

// checkKeyNumbers checks the integers of a key in any form: PKCS #1 (RFC 8017, appendix A.1.2),
// SEC 1, or if envelope is set also PKCS #8 (RFC 5958), whose OCTET STRING holds one of the
// others.
func checkKeyNumbers(der []byte, envelope bool) error {
	elements := elementsOf(der)
	numbers := 0
	for _, e := range elements {
		switch {
		case e.Class != asn1.ClassUniversal:
		case e.Tag == asn1.TagInteger:
			numbers++
			if bits := 8 * (len(e.Bytes) - 1); bits > MaxModulus {
				return fmt.Errorf("is an RSA key with a number of about %d bits; at most %d are supported", bits, MaxModulus)
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

// mostElements are the members of an RSA key, the longest of the forms.
const mostElements = 10

// elementsOf returns the first mostElements elements of a SEQUENCE, up to the first one that cannot be read:
// encoding/asn1 reads a structure in the same way, an element for a member at most, and ignores what follows its
// last member.
func elementsOf(der []byte) (elements []asn1.RawValue) {
	var sequence asn1.RawValue
	if _, err := asn1.Unmarshal(der, &sequence); err != nil {
		return nil
	}
	for rest := sequence.Bytes; len(rest) > 0 && len(elements) < mostElements; {
		var e asn1.RawValue
		var err error
		if rest, err = asn1.Unmarshal(rest, &e); err != nil {
			break
		}
		elements = append(elements, e)
	}
	return elements
}

// ProvePossession signs with the private key and verifies with the certificate's public key. It
// returns nil if the signature is valid.
func ProvePossession(private crypto.PrivateKey, public crypto.PublicKey) error {
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
