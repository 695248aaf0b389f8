// Package okms reads secrets from OVHcloud Secret Manager (OKMS): one secret at
// one version over TLS, and every failure as an Error of a known Kind.
//
// It speaks the Vault-compatible API through github.com/hashicorp/vault/api and
// decodes the raw answers itself, so that values keep their bytes. It does not
// retry, does not cache, and does not choose credentials.
//
// Facts about OKMS are cited as SW (OVHcloud's OpenAPI description "OVHcloud KMS
// REST API" 2.14.0) or SDK (github.com/ovh/okms-sdk-go).
package okms

import (
	"context"
	"crypto/tls"
	"time"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/sensitive"
)

// MaxVersion is the highest version number a secret can have (SW: parameter
// "version" of the Secret API). Versions start at 1.
const MaxVersion = 24000

// Login is what a Client proves itself with: a bearer token, a client
// certificate, or both. Certificate may be nil.
type Login struct {
	// Token is one that stays the same, such as a PAT.
	Token sensitive.Bytes
	// Tokens is asked before each request, in place of Token, for one that changes:
	// the access tokens of an OAuth2 client. refused is the token that OKMS has just
	// answered 401 to, else empty; the request is sent once more if another token
	// comes. An *Error is handed through as the failure of the read.
	Tokens      func(ctx context.Context, refused sensitive.Bytes) (sensitive.Bytes, error)
	Certificate *tls.Certificate
	// Hidden are secrets that are not sent to OKMS but that no message may show either:
	// a token endpoint's host may be OKMS's too.
	Hidden []sensitive.Bytes
}

// Ref names what to read. Version 0 is the latest one.
type Ref struct {
	Path    string
	Version int
}

// Secret is one version of a secret. Data is the JSON text of the whole secret
// as OKMS sent it, byte for byte; OKMS wants an object there, but that is for
// the caller to check. Created is OKMS's time stamp of the version, 100 bytes of it at most.
type Secret struct {
	Path    string
	Version int
	Created string
	Data    sensitive.Bytes
}

// Call is one finished HTTP exchange, for metrics and the log. Status is the HTTP
// status, or 0 when no answer came.
type Call struct {
	API       string // "kv2", or "oauth2" for the token endpoint, which others report
	Operation string // "read" or "versions", or "token"
	Host      string // that was asked, with its port if that is not 443
	Path      string // of the secret; empty for a token
	Status    int
	Kind      failure.Kind // of the failure; empty when the answer was good
	RequestID string       // OKMS's, of a failure where it told one
	Took      time.Duration
	// Dialled says that the exchange was the first of its connection.
	Dialled bool
}
