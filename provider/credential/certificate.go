// SPDX-License-Identifier: Apache-2.0

package credential

import (
	"cmp"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"ovhcloud-csi-provider/provider/keypair"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/sniff"
)

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
	if bits := modulusOf(certPEM); bits > keypair.MaxModulus {
		return Credential{}, fmt.Errorf("the key of the certificate in %s has %d bits; at most %d are supported",
			KeyCertificate, bits, keypair.MaxModulus)
	}
	if block := privateKeyBlock(keyPEM); block != nil {
		if err := keypair.CheckForm(block); err != nil {
			return Credential{}, fmt.Errorf("%s %w", KeyPrivateKey, err)
		}
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
	if err := keypair.ProvePossession(pair.PrivateKey, leaf.PublicKey); err != nil {
		return Credential{}, fmt.Errorf("%s is not the private key of the certificate in %s: %w", KeyPrivateKey,
			KeyCertificate, err)
	}
	if now.After(leaf.NotAfter) {
		return Credential{}, fmt.Errorf("the certificate in %s expired on %s", KeyCertificate,
			leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	if now.Before(leaf.NotBefore) {
		return Credential{}, fmt.Errorf("the certificate in %s is not valid before %s", KeyCertificate,
			leaf.NotBefore.UTC().Format(time.RFC3339))
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
