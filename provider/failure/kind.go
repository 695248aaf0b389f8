// Package failure says why a mount failed: the kinds of failure, with everything that
// follows from a kind in one table, and the texts that users read in the events of a pod.
package failure

// Kind tells failures apart as far as a person must act differently. It is also a label of
// the metrics. The zero value is no kind.
type Kind string

// The kinds of failure of a mount. table says what follows from each.
const (
	Broken          Kind = "broken"           // a fault of this program
	Invalid         Kind = "invalid"          // the SecretProviderClass must change
	EndpointRefused Kind = "endpoint_refused" // a credential may not be sent there
	NotAllowed      Kind = "not_allowed"      // no such connection, or not for this pod, or not this path
	TooLarge        Kind = "too_large"        // the files exceed what the driver accepts
	NoCredential    Kind = "no_credential"    // none came with the mount, or it cannot be used
	ClientRefused   Kind = "client_refused"   // the token endpoint refused the OAuth2 client; OKMS was not asked
	Unauthenticated Kind = "unauthenticated"  // OKMS refused the token or the client certificate
	Denied          Kind = "denied"           // OKMS knows the identity, and does not allow it
	DomainUnknown   Kind = "domain_unknown"   // no such okmsId there
	SecretAbsent    Kind = "secret_absent"    // no such secret
	VersionAbsent   Kind = "version_absent"   // the secret exists, the version does not (any more)
	KeyAbsent       Kind = "key_absent"       // the secret has no such key
	Deactivated     Kind = "deactivated"      // the version can be reactivated
	Deleted         Kind = "deleted"          // the version is gone for good
	Unusable        Kind = "unusable"         // the secret holds what cannot be written as asked
	Rejected        Kind = "rejected"         // OKMS says that the request is wrong
	Untrusted       Kind = "untrusted"        // the server's certificate is not trusted
	Unreadable      Kind = "unreadable"       // an answer that OKMS never gives
	NodeFull        Kind = "node_full"        // this node's mounts read more at once than its memory is for
	TokenFailing    Kind = "token_failing"    // the token endpoint has a fault, or is unreachable; OKMS was not asked
	Limited         Kind = "limited"          // too many requests
	Failing         Kind = "failing"          // OKMS answered that it has a fault
	Unreachable     Kind = "unreachable"      // no connection to OKMS, or it broke
	TimedOut        Kind = "timed_out"        // no answer within the caller's time
)

// row is what follows from a kind of failure.
type row struct {
	kind Kind
	// shared says that the failure is about the store, the credential or the node, and not
	// about one secret: objects that fail so share a line of the message.
	shared bool
	// passes says that the failure is about the state of the store or of the network, and
	// not about the request: nothing was said against the credential or the secret, the same
	// read may succeed later, and a stale value or the fallback may be served meanwhile.
	passes bool
	retry  retry
	drops  Scope
	answer Answer
}

// table is every kind of failure, the gravest first: what only a person can fix comes
// before what may pass by itself. A mount that failed for several reasons is of the kind
// that comes first.
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

// Scope is the values of the cache that a failure makes invalid.
type Scope int

// The scopes, each within that of the credential.
const (
	OfNothing    Scope = iota // none
	OfCredential              // all values of the credential
	OfDomain                  // those of the OKMS domain
	OfPath                    // those of the secret
	OfVersion                 // those of the version that is gone
	OfRequest                 // those of the same request
)

// Answer is how a mount's caller learns of a failure. There is no value for an answer after
// which kubelet does not know the outcome of the mount.
type Answer int

// The answers.
const (
	Internal   Answer = iota // a fault of the daemon, of the store or of what is between
	BadRequest               // the SecretProviderClass must change
	NoIdentity               // the credential is missing or refused
	Forbidden                // the credential or the pod lacks a right
	NotFound
	NotUsable // the secret is not in a state that can be mounted
)

// retry says when it is worth repeating the request.
type retry int

const (
	never retry = iota
	always
	ifServerFault // HTTP 500, 502, 503 and 504
	unlessRefused // not HTTP 4xx but 429: a proxy that forbids it will not change its mind
)

// rows is table by kind.
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

// MayPass reports whether the same read may succeed later although nothing is changed. Only
// then a stale value or the fallback may be served.
func (k Kind) MayPass() bool { return rows[k].passes }

// Drops returns the values of the cache that a failure of this kind makes invalid.
func (k Kind) Drops() Scope { return rows[k].drops }

// Answer returns how the caller of the mount learns of the failure. It is Internal for an
// unknown kind.
func (k Kind) Answer() Answer { return rows[k].answer }

// Retries reports whether it is worth repeating the request after an answer with an HTTP
// status, 0 if there was no answer.
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
