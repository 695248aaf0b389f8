// SPDX-License-Identifier: Apache-2.0

// Package failure explains why a mount failed. It has the kinds of failure, one table with the
// consequences of each kind, and the texts of a pod's events.
package failure

// Kind is a class of failures that have the same cure. It is also a label of the metrics. The zero
// value is not a kind.
type Kind string

// The kinds of failure of a mount. table has the consequences of each.
const (
	Broken          Kind = "broken"           // a bug in this program
	Invalid         Kind = "invalid"          // the SecretProviderClass must change
	EndpointRefused Kind = "endpoint_refused" // a credential may not be sent there
	NotAllowed      Kind = "not_allowed"      // no such connection, or not for this pod, or not this path
	TooLarge        Kind = "too_large"        // the files, or a list, exceed a limit
	NoCredential    Kind = "no_credential"    // the mount has no credential, or an unusable one
	ClientRefused   Kind = "client_refused"   // the token endpoint refused the OAuth2 client; no request was sent to OKMS
	Unauthenticated Kind = "unauthenticated"  // OKMS refused the token or the client certificate
	Denied          Kind = "denied"           // OKMS accepts the identity, but it lacks a permission
	DomainUnknown   Kind = "domain_unknown"   // the endpoint has no such okmsId
	SecretAbsent    Kind = "secret_absent"    // no such secret
	VersionAbsent   Kind = "version_absent"   // the secret exists, but not the version
	KeyAbsent       Kind = "key_absent"       // the secret has no such key
	Deactivated     Kind = "deactivated"      // the version can be reactivated
	Deleted         Kind = "deleted"          // the version is permanently deleted
	Unusable        Kind = "unusable"         // the secret's value cannot be written in the requested form
	Rejected        Kind = "rejected"         // OKMS answered that the request is invalid
	Untrusted       Kind = "untrusted"        // the server's certificate is not trusted
	Unreadable      Kind = "unreadable"       // an answer that OKMS does not send
	NodeFull        Kind = "node_full"        // a limit that all mounts of this node share is reached
	TokenFailing    Kind = "token_failing"    // the token endpoint fails or is unreachable; no request was sent to OKMS
	Limited         Kind = "limited"          // too many requests
	Failing         Kind = "failing"          // OKMS answered with a server error
	Unreachable     Kind = "unreachable"      // no connection to OKMS, or it was lost
	TimedOut        Kind = "timed_out"        // no answer within the caller's time
)

// row has the consequences of a kind of failure.
type row struct {
	kind Kind
	// shared reports that the failure is about the store, the credential or the node, and not
	// about one secret: objects with the same failure share a line of the message.
	shared bool
	// passes reports that the failure is about the state of the store or the network, and not
	// about the request: the credential and the secret were not refused. The same read may
	// succeed later; a stale value or the fallback may be served until then.
	passes bool
	retry  retry  // when to repeat the request
	drops  Scope  // the values of the cache that become invalid
	answer Answer // to the caller of the mount
}

// table lists every kind of failure, the gravest first: kinds that only a person can fix come
// before kinds that may pass. A mount that failed for several reasons has the kind that comes
// first.
var table = []row{
	{Broken, false, false, never, OfNothing, Internal},
	{Invalid, false, false, never, OfNothing, BadRequest},
	{EndpointRefused, false, false, never, OfNothing, Forbidden},
	{NotAllowed, false, false, never, OfNothing, Forbidden},
	{TooLarge, false, false, never, OfNothing, BadRequest},
	{NoCredential, false, false, never, OfNothing, NoIdentity},
	{ClientRefused, true, false, never, OfCredential, NoIdentity},
	{Unauthenticated, true, false, never, OfDomain, NoIdentity},
	{Denied, false, false, never, OfPath, Forbidden},
	{DomainUnknown, true, false, never, OfPath, NotFound},
	{SecretAbsent, false, false, never, OfPath, NotFound},
	{VersionAbsent, false, false, never, OfVersion, NotFound},
	{KeyAbsent, false, false, never, OfNothing, NotFound},
	{Deactivated, false, false, never, OfVersion, NotUsable},
	{Deleted, false, false, never, OfVersion, NotUsable},
	{Unusable, false, false, never, OfNothing, NotUsable},
	{Rejected, false, false, never, OfRequest, BadRequest},
	{Untrusted, true, false, never, OfNothing, Internal},
	{Unreadable, false, false, never, OfNothing, Internal},
	{NodeFull, true, false, never, OfNothing, Internal},
	{TokenFailing, true, true, unlessRefused, OfNothing, Internal},
	{Limited, true, true, always, OfNothing, Internal},
	{Failing, true, true, ifServerFault, OfNothing, Internal},
	{Unreachable, true, true, always, OfNothing, Internal},
	{TimedOut, true, true, never, OfNothing, Internal},
}

// Scope selects the values of the cache that a failure makes invalid.
type Scope int

// The scopes. Each one selects only values of the same credential.
const (
	OfNothing    Scope = iota // none
	OfCredential              // all values of the credential
	OfDomain                  // the values of the OKMS domain
	OfPath                    // the values of the secret
	OfVersion                 // the values of the version that is gone
	OfRequest                 // the values of the same request
)

// Answer is the class of the error that the caller of a mount gets. None of them leaves the
// outcome of the mount uncertain to kubelet.
type Answer int

// The answers.
const (
	Internal   Answer = iota // a fault of the daemon, the store or the network between them
	BadRequest               // the SecretProviderClass must change
	NoIdentity               // the credential is missing or refused
	Forbidden                // the credential or the pod lacks a right
	NotFound
	NotUsable // the secret is not in a state that can be mounted
)

// retry is the condition for repeating a request.
type retry int

const (
	never retry = iota
	always
	ifServerFault // HTTP 500, 502, 503 and 504
	unlessRefused // not after HTTP 4xx except 429: a proxy would refuse the request again
)

// rows maps each kind to its row of table.
var rows = func() map[Kind]row {
	byKind := make(map[Kind]row, len(table))
	for _, r := range table {
		byKind[r.kind] = r
	}
	return byKind
}()

// Kinds returns every Kind, the gravest first.
func Kinds() []Kind {
	kinds := make([]Kind, len(table))
	for i, r := range table {
		kinds[i] = r.kind
	}
	return kinds
}

// Shared reports whether objects that fail with this kind share a line of the message.
func (k Kind) Shared() bool { return rows[k].shared }

// MayPass reports whether the same read may succeed later without a change. Only then may a
// stale value or the fallback be served.
func (k Kind) MayPass() bool { return rows[k].passes }

// Drops returns the values of the cache that a failure of this kind makes invalid; OfNothing for
// an unknown kind.
func (k Kind) Drops() Scope { return rows[k].drops }

// Answer returns the class of the error for the caller of the mount; Internal for an unknown
// kind.
func (k Kind) Answer() Answer { return rows[k].answer }

// Retries reports whether to repeat the request after an answer with an HTTP status; 0 if there
// was no answer.
func (k Kind) Retries(status int) bool {
	switch rows[k].retry {
	case always:
		return true
	case ifServerFault:
		return status == 500 || status == 502 || status == 503 || status == 504
	case unlessRefused:
		return status/100 != 4 || status == 429
	}
	return false
}
