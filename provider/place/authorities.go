// SPDX-License-Identifier: Apache-2.0

package place

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"

	"ovhcloud-csi-provider/provider/keypair"
	"ovhcloud-csi-provider/provider/message"
)

// In each TLS handshake, crypto/x509 verifies the server's certificate with the authorities of the bundle
// whose subject is its issuer, one after the other. That takes a millisecond for an RSA key of 8192 bits, a
// second for one of 370,000 bits, which has room in a bundle, and cannot be cancelled. So in the bundle of
// a mount the work is bounded over all authorities of one subject. More than two or three are not needed: an
// authority whose key is replaced keeps its subject.
const (
	mostOfSubject = 8
	bitsOfSubject = 2 * keypair.MaxModulus // of their RSA keys together
)

// authorities are the certificates of a mount's bundle, by subject; nil for the bundle of a connection.
type authorities map[string][]*x509.Certificate

// add adds the certificate of a PEM block, which is the bundle's block of this number. It returns an error for
// anything else, and for a certificate that would take too much work.
func (a authorities) add(block *pem.Block, number int) error {
	switch {
	case strings.Contains(block.Type, "PRIVATE KEY"):
		return fmt.Errorf("PEM block %d is not a certificate, but a private key; remove it, "+
			"and replace that key: anyone who can read this text has it", number)
	case block.Type != "CERTIFICATE":
		return fmt.Errorf("PEM block %d is not a certificate, but a %s", number, message.Quote(block.Type))
	}
	one, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return fmt.Errorf("PEM block %d is not a certificate: its content cannot be read", number)
	}
	if bits := modulus(one); bits > keypair.MaxModulus {
		return fmt.Errorf("PEM block %d has an RSA key of %d bits; at most %d are supported", number, bits,
			keypair.MaxModulus)
	}
	if a != nil {
		return a.count(one, number)
	}
	return nil
}

// count returns an error if the certificate and those before it with its subject would take too much work.
func (a authorities) count(one *x509.Certificate, number int) error {
	same, bits := a[string(one.RawSubject)], modulus(one)
	for _, other := range same {
		if other.Equal(one) {
			return nil // crypto/x509 keeps one of them
		}
		bits += modulus(other)
	}
	if len(same) >= mostOfSubject || bits > bitsOfSubject {
		return fmt.Errorf("PEM block %d has the same subject as %d others; at most %d certificates, with RSA keys of "+
			"%d bits together, may share one; remove those that are no longer in use",
			number, len(same), mostOfSubject, bitsOfSubject)
	}
	a[string(one.RawSubject)] = append(same, one)
	return nil
}

// modulus returns the size of an RSA key in bits, 0 for other keys.
func modulus(c *x509.Certificate) int {
	if public, is := c.PublicKey.(*rsa.PublicKey); is {
		return public.N.BitLen()
	}
	return 0
}
