// SPDX-License-Identifier: Apache-2.0

// Package okms reads from OVHcloud Secret Manager (OKMS) over TLS: one version of one secret, the
// list of a secret's versions, or a folder. Every failure is an Error of a known Kind.
//
// It uses the Vault-compatible API through github.com/hashicorp/vault/api, or the native API with
// requests of its own, and decodes the raw answers itself, so that values keep their bytes. Both
// give the same bytes and the same failures. It does not retry, does not cache, and does not
// choose credentials.
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

// MaxVersion is the highest version number that a secret can have (source: SW, parameter
// "version" of the Secret API). Versions start at 1.
const MaxVersion = 24000

// Login authenticates a Client: a bearer token, a client certificate, or both.
type Login struct {
	// Token is a token that does not change, such as a PAT. Ignored if Tokens is set.
	Token sensitive.Bytes
	// Tokens, if not nil, is called before each request and returns the token to send, such
	// as the current access token of an OAuth2 client. refused is the token that OKMS has
	// just answered with 401, and empty otherwise; the request is repeated if Tokens then
	// returns a different token. An *Error of Tokens becomes the failure of the read.
	Tokens func(ctx context.Context, refused sensitive.Bytes) (sensitive.Bytes, error)
	// Certificate is the client certificate; nil for none.
	Certificate *tls.Certificate
	// Hidden lists secrets that are not sent to OKMS but that no message may show either, such
	// as an OAuth2 client's: the host of the token endpoint may also be OKMS's.
	Hidden []sensitive.Bytes
}

// Ref identifies what is read: a version of a secret, the list of a secret's versions, or the
// secrets of a folder.
type Ref struct {
	What    What
	Path    string // of the secret, or of the folder without a slash at its end; "" is the root
	Version int    // only of Data; 0 is the latest one
}

// What is the kind of a Ref.
type What uint8

// The kinds.
const (
	Data What = iota
	Versions
	Folder
)

// Secret is one version of a secret. Data is the JSON text of the whole secret, byte for byte
// as OKMS sent it. OKMS requires an object, but this package does not check that. Created is
// OKMS's time stamp of the version, at most 100 bytes.
type Secret struct {
	Path    string
	Version int
	Created string
	Data    sensitive.Bytes
}

// Call is one finished HTTP exchange, for metrics and the log. Status is the HTTP status; 0 if
// there was no answer.
type Call struct {
	API       string // "kv2" or "rest", or "oauth2" for the token endpoint, which others report
	Operation string // "read", "versions" or "list", or "token"
	Host      string // of the server, with its port if that is not 443
	Path      string // of the secret or the folder; empty for the root and for a token
	Status    int
	Kind      failure.Kind // of the failure; empty if there was none
	RequestID string       // OKMS's identifier of a failed request; empty if the answer has none
	Took      time.Duration
	// Dialled reports that the exchange was the first one of its connection.
	Dialled bool
}
