// Package credential turns the data of a Kubernetes Secret or of a folder into a credential
// for OKMS: a token, a client certificate, or an OAuth2 client. It does no I/O.
package credential

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"time"

	"ovhcloud-csi-provider/provider/sensitive"
)

// Kind is how a credential authenticates.
type Kind string

// The kinds of credential.
const (
	KindToken       Kind = "token"
	KindCertificate Kind = "certificate"
	KindClient      Kind = "OAuth2 client" // a service account of OVHcloud
)

// Credential is one identity. It is immutable, and it prints as its kind, source and
// fingerprint. The zero value authenticates nothing.
type Credential struct {
	kind        Kind
	source      string
	token       sensitive.Bytes
	certificate *tls.Certificate
	client      Client
	expires     time.Time
	id          [sha256.Size]byte // of the kind and all secret parts
	fingerprint [sha256.Size]byte // what a user can compute; see Fingerprint
	hint        string
}

// Kind returns how the credential authenticates.
func (c Credential) Kind() Kind { return c.kind }

// Client returns the OAuth2 client, the zero value for the other kinds.
func (c Credential) Client() Client { return c.client }

// Expires returns when the credential ends: the end of a certificate, or the expiry of a
// token that is a JWT. The zero time means unknown or never.
func (c Credential) Expires() time.Time { return c.expires }

// Token returns the bearer token, empty for the other kinds.
func (c Credential) Token() sensitive.Bytes { return c.token }

// Certificate returns the client certificate with its key, nil for the other kinds.
func (c Credential) Certificate() *tls.Certificate { return c.certificate }

// ID is equal for equal credentials and differs for others, and for another token URL.
// Anyone who lacks one byte of the credential's secret has another ID: it is a SHA-256 over
// the kind and all of the secret, for a certificate the private key. It is a map key, not
// for printing.
func (c Credential) ID() [sha256.Size]byte {
	if c.client.TokenURL == "" {
		return c.id
	}
	return identity(string(c.kind), c.id[:], []byte(c.client.TokenURL))
}

// identity returns a SHA-256 over a kind and its parts, each with its length in front, so
// that no part can reach into the next.
func identity(kind string, parts ...[]byte) (id [sha256.Size]byte) {
	h := sha256.New()
	fmt.Fprintf(h, "%d:%s", len(kind), kind)
	for _, part := range parts {
		fmt.Fprintf(h, "%d:", len(part))
		h.Write(part)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// Hint returns what to tell a user whose credential the store rejects, if something about
// it looks wrong; otherwise "".
func (c Credential) Hint() string { return c.hint }

// Fingerprint returns the first eight hex digits of the SHA-256 of the token, of the
// certificate in DER form, or of clientId:clientSecret. A user can compute it to see which
// credential is in use.
func (c Credential) Fingerprint() string { return hex.EncodeToString(c.fingerprint[:4]) }

// String names the credential without any secret part: "token 1f2e3d4c from
// nodePublishSecretRef".
func (c Credential) String() string {
	if c.kind == "" {
		return "no credential"
	}
	return fmt.Sprintf("%s %s from %s", c.kind, c.Fingerprint(), c.source)
}

// Format implements fmt.Formatter, so that no verb prints the fields.
func (c Credential) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(c.String())) }
