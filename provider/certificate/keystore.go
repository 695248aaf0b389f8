package certificate

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"math/rand/v2"

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
	// PKCS12 is encrypted with AES-256 and SHA-256, which OpenSSL 1.1.0, Java 8u301 and Windows
	// Server 2019 can read, and later ones.
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
	return "", fmt.Errorf("%s is not a keystore; %s", message.Quote(name), nearest.Suggestion(name, []string{string(PKCS12), string(JKS)}))
}

const (
	keystoreCost = 1 << 20 // steps: a password is hashed some thousand times
	leastOfJKS   = 6       // bytes of a password, by Java's keytool
	alias        = "certificate"
)

// Keystore returns the bundle as a keystore: the private key with its chain under the alias
// "certificate", or without a key the certificates as trusted ones. Salts are made of the content and
// the password and are no random numbers: the same content gives the same file at each renewal, and
// other content or another password gives other salts. The error is an *Error, or that of the steps.
func (b *Bundle) Keystore(k Keystore, password []byte, steps *rawjson.Steps) ([]byte, error) {
	switch {
	case len(password) == 0:
		return nil, wrong("the password of the keystore is empty")
	case k == JKS && len(password) < leastOfJKS:
		return nil, wrong("the password of a JKS keystore has at least %d bytes", leastOfJKS)
	case len(b.chain) == 0:
		return nil, wrong("holds no certificate")
	}
	if err := steps.Take(keystoreCost); err != nil {
		return nil, err
	}
	if k == JKS {
		return b.jks(password)
	}
	return b.pkcs12(password)
}

// salts returns a source of salts for the content and the password.
func (b *Bundle) salts(k Keystore, password []byte) *rand.ChaCha8 {
	h := sha256.New()
	part := func(bytes []byte) {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(bytes))))
		h.Write(bytes)
	}
	part([]byte(k))
	part(password)
	if b.block != nil {
		part(b.block.Bytes)
	}
	for _, one := range b.chain {
		part(one.Raw)
	}
	return rand.NewChaCha8([32]byte(h.Sum(nil)))
}

func (b *Bundle) pkcs12(password []byte) (out []byte, err error) {
	encoder := pkcs12.Modern2023.WithRand(b.salts(PKCS12, password))
	if b.key == nil {
		out, err = encoder.EncodeTrustStore(b.chain, string(password))
	} else {
		out, err = encoder.Encode(b.key, b.chain[0], b.chain[1:], string(password))
	}
	if err != nil {
		return nil, wrong("the keystore cannot be made; its password may hold characters that PKCS #12 does not know")
	}
	return out, nil
}

// jks returns a JKS keystore. Its entries have the date of the certificate, not today's.
func (b *Bundle) jks(password []byte) ([]byte, error) {
	store := keystore.New(keystore.WithOrderedAliases(), keystore.WithCustomRandomNumberGenerator(b.salts(JKS, password)))
	cannot := wrong("the keystore cannot be made")
	chain := make([]keystore.Certificate, len(b.chain))
	for i, one := range b.chain {
		chain[i] = keystore.Certificate{Type: "X.509", Content: one.Raw}
	}
	if b.key != nil {
		der, err := x509.MarshalPKCS8PrivateKey(b.key)
		if err != nil {
			return nil, cannot
		}
		entry := keystore.PrivateKeyEntry{CreationTime: b.chain[0].NotBefore, PrivateKey: der, CertificateChain: chain}
		if store.SetPrivateKeyEntry(alias, entry, password) != nil {
			return nil, cannot
		}
	} else {
		for i, one := range chain {
			entry := keystore.TrustedCertificateEntry{CreationTime: b.chain[i].NotBefore, Certificate: one}
			if store.SetTrustedCertificateEntry(fmt.Sprintf("%s-%02d", alias, i), entry) != nil {
				return nil, cannot
			}
		}
	}
	var out bytes.Buffer
	if store.Store(&out, password) != nil {
		return nil, cannot
	}
	return out.Bytes(), nil
}
