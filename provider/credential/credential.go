// SPDX-License-Identifier: Apache-2.0

// Package credential parses the data of a Kubernetes Secret or of a folder into a credential for
// OKMS: a token, a client certificate, or an OAuth2 client. It calls no server.
package credential

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"time"

	"ovhcloud-csi-provider/provider/sensitive"
)

// Kind is the kind of a credential.
type Kind string

// The kinds of credential.
const (
	KindToken       Kind = "token"
	KindCertificate Kind = "certificate"
	KindClient      Kind = "OAuth2 client" // a service account of OVHcloud
)

// Credential is a parsed credential. It is immutable, and prints as its kind, fingerprint and
// source, never as its secret. The zero value is no credential: its Kind is empty.
type Credential struct {
	kind        Kind
	source      string
	token       sensitive.Bytes
	certificate *tls.Certificate
	client      Client
	expires     time.Time
	id          [sha256.Size]byte // of the kind and all secret parts
	fingerprint [sha256.Size]byte // see Fingerprint
	hint        string
}

// Kind returns the kind of the credential, empty for the zero value.
func (c Credential) Kind() Kind { return c.kind }

// Client returns the OAuth2 client, the zero value for the other kinds.
func (c Credential) Client() Client { return c.client }

// Expires returns the end of a certificate, or of a token that is a JWT. It is the zero time if
// the end is unknown.
func (c Credential) Expires() time.Time { return c.expires }

// Token returns the bearer token, empty for the other kinds.
func (c Credential) Token() sensitive.Bytes { return c.token }

// Certificate returns the client certificate with its private key, nil for the other kinds. The
// caller must not change it.
func (c Credential) Certificate() *tls.Certificate { return c.certificate }

// ID returns a SHA-256 of the kind, the whole secret (of a certificate its private key) and the
// token URL. Equal credentials have the same ID. A credential with one wrong byte in its secret
// has another ID, so an ID proves possession of the secret. It is a map key: do not print it.
func (c Credential) ID() [sha256.Size]byte {
	if c.client.TokenURL == "" {
		return c.id
	}
	return identity(string(c.kind), c.id[:], []byte(c.client.TokenURL))
}

// identity returns a SHA-256 of a kind and its parts. The length comes before each of them, so
// that two lists of parts never encode to the same bytes.
func identity(kind string, parts ...[]byte) (id [sha256.Size]byte) {
	h := sha256.New()
	fmt.Fprintf(h, "%d:%s", len(kind), kind)
	for _, part := range parts {
		fmt.Fprintf(h, "%d:", len(part))
		h.Write(part)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// Hint returns a sentence about what looks wrong with the credential, empty if nothing does. It
// is for a user whose credential OKMS has refused.
func (c Credential) Hint() string { return c.hint }

// Fingerprint returns the first eight hex digits of the SHA-256 of the token, of the certificate
// in DER, or of clientId:clientSecret. Users can compute it to see which credential is in use.
func (c Credential) Fingerprint() string { return hex.EncodeToString(c.fingerprint[:4]) }

// String returns the name of the credential without its secret, such as "token 1f2e3d4c from
// nodePublishSecretRef".
func (c Credential) String() string {
	if c.kind == "" {
		return "no credential"
	}
	return fmt.Sprintf("%s %s from %s", c.kind, c.Fingerprint(), c.source)
}

// Format implements fmt.Formatter, so that no verb prints the fields.
func (c Credential) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(c.String())) }
