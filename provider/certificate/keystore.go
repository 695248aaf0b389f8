// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"io"

	"github.com/pavlo-v-chernykh/keystore-go/v4"
	"software.sslmate.com/src/go-pkcs12"

	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/nearest"
	"ovhcloud-csi-provider/provider/rawjson"
)

// Keystore is a form of keystore.
type Keystore string

// The keystores.
const (
	// PKCS12 is encrypted with AES-256 and SHA-256. OpenSSL 1.1.1, Java 8u301 and 11.0.12, Windows
	// Server 2019 and later ones read it.
	PKCS12 Keystore = "pkcs12"
	// JKS is Java's own form before version 9. Its encryption is weak.
	JKS Keystore = "jks"
)

// ParseKeystore returns the keystore with a name. The error suggests a valid name.
func ParseKeystore(name string) (Keystore, error) {
	switch k := Keystore(name); k {
	case PKCS12, JKS:
		return k, nil
	}
	return "", fmt.Errorf("%s is not a keystore; %s", message.Quote(name),
		nearest.Suggestion(name, []string{string(PKCS12), string(JKS)}))
}

// iterations is how often a password is hashed for a key of PKCS #12, as by openssl.
const iterations = 2048

// aliasOfKey is the name of the private key in a JKS keystore, as with cert-manager. In PKCS #12 it
// has none, and Java calls it 1.
const aliasOfKey = "certificate"

// Keystore returns the bundle as a keystore. With a private key, its one entry is the key with its
// chain. Without one, it is a truststore: each certificate is an entry, ca-001 and so on, in the
// order of the texts. The same bundle and password always give the same bytes. The error is an
// *Error, or that of the steps.
func (b *Bundle) Keystore(k Keystore, password []byte, steps *rawjson.Steps) ([]byte, error) {
	if err := checkPassword(k, password); err != nil {
		return nil, err
	}
	if len(b.all) == 0 {
		return nil, wrong("%s no certificate; name the key of the secret that does too", b.where)
	}
	for _, one := range b.all {
		if b.key == nil && one.isEnd() {
			return nil, wrong("%s the certificate of %s without its private key; name the key of the secret that has it too, "+
				"or for a truststore only keys with certificates of authorities",
				b.where, one)
		}
	}
	if err := steps.Take(costOfKeystore); err != nil {
		return nil, err
	}
	out, err := b.encode(k, password)
	if err != nil {
		// Libraries may quote what they cannot encode.
		return nil, wrong("%s what cannot be written as %s; try the other keystore, or part: bundle", b.where, k)
	}
	return out, nil
}

func (b *Bundle) encode(k Keystore, password []byte) ([]byte, error) {
	var content [][]byte
	var pkcs8 []byte
	if b.key != nil {
		var err error
		if pkcs8, err = x509.MarshalPKCS8PrivateKey(b.key.Signer); err != nil {
			return nil, err
		}
		content = append(content, pkcs8)
	}
	of := b.chain
	if b.key == nil {
		of = b.all
	}
	for _, one := range of {
		content = append(content, one.Raw)
	}
	random, err := salts(k, password, content...)
	if err != nil {
		return nil, err
	}
	if k == JKS {
		return jks(of, pkcs8, password, random)
	}
	return b.pkcs12(of, password, random)
}

func (b *Bundle) pkcs12(of []found, password []byte, random io.Reader) ([]byte, error) {
	encoder := pkcs12.Modern2023.WithIterations(iterations).WithRand(random)
	if b.key == nil {
		entries := make([]pkcs12.TrustStoreEntry, len(of))
		for i, one := range of {
			entries[i] = pkcs12.TrustStoreEntry{Cert: one.Certificate, FriendlyName: aliasOf(i)}
		}
		return encoder.EncodeTrustStoreEntries(entries, string(password))
	}
	above := make([]*x509.Certificate, 0, len(of))
	for _, one := range of[1:] {
		above = append(above, one.Certificate)
	}
	return encoder.Encode(b.key.Signer, of[0].Certificate, above, string(password))
}

// aliasOf returns the name of a certificate in a truststore. Java keeps one certificate of each name,
// so names are not made of subjects, of which there may be two.
func aliasOf(i int) string { return fmt.Sprintf("ca-%03d", i+1) }

// jks returns a JKS keystore. The date of each entry is when its certificate begins to be valid, not
// today's.
func jks(of []found, pkcs8, password []byte, random io.Reader) ([]byte, error) {
	store := keystore.New(keystore.WithOrderedAliases(), keystore.WithCustomRandomNumberGenerator(random))
	chain := make([]keystore.Certificate, len(of))
	for i, one := range of {
		chain[i] = keystore.Certificate{Type: "X.509", Content: one.Raw}
	}
	if pkcs8 != nil {
		entry := keystore.PrivateKeyEntry{CreationTime: of[0].NotBefore, PrivateKey: pkcs8, CertificateChain: chain}
		if err := store.SetPrivateKeyEntry(aliasOfKey, entry, password); err != nil {
			return nil, err
		}
	} else {
		for i, one := range chain {
			entry := keystore.TrustedCertificateEntry{CreationTime: of[i].NotBefore, Certificate: one}
			if err := store.SetTrustedCertificateEntry(aliasOf(i), entry); err != nil {
				return nil, err
			}
		}
	}
	var out bytes.Buffer
	if err := store.Store(&out, password); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
