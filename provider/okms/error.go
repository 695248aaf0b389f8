package okms

import (
	"fmt"
	"strings"
	"time"

	"ovhcloud-csi-provider/provider/wire"
)

// Kind tells failures apart as far as a user or the caller must act differently.
type Kind string

// The kinds of failure of a read.
const (
	SecretAbsent    Kind = "secret_absent"   // no such secret
	VersionAbsent   Kind = "version_absent"  // the secret exists, the version does not (any more)
	Deactivated     Kind = "deactivated"     // can be reactivated
	Deleted         Kind = "deleted"         // for good
	Unauthenticated Kind = "unauthenticated" // token or client certificate refused
	Denied          Kind = "denied"          // known, but not allowed
	DomainUnknown   Kind = "domain_unknown"  // no such okmsId there
	Rejected        Kind = "rejected"        // OKMS says that the request is wrong
	Limited         Kind = "limited"         // too many requests
	Failing         Kind = "failing"         // OKMS answered that it has a fault
	Unreachable     Kind = "unreachable"     // no connection, or it broke
	TimedOut        Kind = "timed_out"       // no answer within the caller's time
	Untrusted       Kind = "untrusted"       // the server's certificate is not trusted
	Unreadable      Kind = "unreadable"      // an answer that OKMS never gives

	// NodeFull is no fault of OKMS: this node's mounts read more at once than its
	// memory is for. It passes when they end.
	NodeFull Kind = "node_full"

	// Failures of the token endpoint of an OAuth2 client; OKMS was not asked.
	ClientRefused Kind = "client_refused" // it refused the client
	TokenFailing  Kind = "token_failing"  // it has a fault, or cannot be reached
)

// Error is a failed read. It never holds a secret's value or a credential. Its words are
// this program's own, whatever a server, a proxy or a library says, except those of OKMS's
// own error object: Text, RequestID and Since may quote that, without what was sent as a
// credential.
type Error struct {
	Kind Kind
	// Status is the HTTP status, 0 if no answer came.
	Status int
	// Code is OKMS's error_code, 0 if it gave none.
	Code int
	// RequestID is OKMS's, for its support. Empty if it gave none.
	RequestID string
	// Text is what OKMS said, or what happened; one line, at most 300 bytes.
	Text string
	// RetryAfter is OKMS's wish, 0 if it gave none.
	RetryAfter time.Duration
	// Version and Since say which version is Deactivated or Deleted, and when it
	// became so (OKMS's time stamp); 0 and "" if unknown.
	Version int
	Since   string
	// Cause says of Untrusted what is wrong with the server's certificate, of Unreachable
	// whether a proxy is the reason, and of TokenFailing both. Else it is empty.
	Cause wire.Cause
	// Foreign says that the answer is not OKMS's but, for example, a proxy's.
	Foreign bool
	// Queued says of TimedOut that nothing was asked: the time was spent in line
	// behind other reads of this node.
	Queued bool
}

// Error is the text with the facts behind it in brackets:
// "no access right (HTTP 403, error code 16924673, request OKMS.1234)".
func (e *Error) Error() string {
	text := e.Text
	if text == "" {
		text = strings.ReplaceAll(string(e.Kind), "_", " ")
	}
	if facts := e.Facts(); facts != "" {
		text += " (" + facts + ")"
	}
	return text
}

// Facts is what OVHcloud's support needs to find the request: "HTTP 403, error
// code 16924673, request OKMS.1234". Empty if no answer came.
func (e *Error) Facts() string {
	var facts []string
	if e.Status != 0 {
		facts = append(facts, fmt.Sprintf("HTTP %d", e.Status))
	}
	if e.Code != 0 {
		facts = append(facts, fmt.Sprintf("error code %d", e.Code))
	}
	if e.RequestID != "" {
		facts = append(facts, "request "+e.RequestID)
	}
	return strings.Join(facts, ", ")
}

// The categories of an OKMS error_code, bits 12 to 15 (SDK errors.go).
const (
	categoryInternal        = 1
	categoryArgument        = 2
	categoryAuthentication  = 3
	categoryAuthorization   = 4
	categoryNotFound        = 5
	categoryDatabase        = 6
	categoryUnavailable     = 7
	categoryBadArgument     = 8
	categoryTooManyRequests = 9
	categoryConflict        = 10
)

// Error codes that say which thing was not found (SDK errors_test.go and
// OVHcloud's own tests in External Secrets Operator).
const (
	codeSecretNotFound  = 0x01055001
	codeVersionNotFound = 0x01055002
	// minorDomain is bits 16 to 31 of codes about the domain: CCM, Domain.
	minorDomain = 0x0103
)

// kindOf classifies OKMS's answer if it is not a success: by the category of its
// error_code first, since the HTTP status of a refusal is documented in contradictory
// ways (401, 403 and 404), then by the status.
func kindOf(status, code int) Kind {
	if kind := kindOfCode(code); kind != "" {
		return kind
	}
	switch {
	case status == 401:
		return Unauthenticated
	case status == 403:
		return Denied
	case status == 404 && code == 0:
		return SecretAbsent
	case status == 404:
		return Rejected // something else was not found; optional must not hide it
	case status == 429:
		return Limited
	case status == 408 || status >= 500:
		return Failing
	case status >= 400:
		return Rejected
	}
	return Unreadable
}

// foreignKind classifies an answer that is not OKMS's. It says nothing of the credential
// or the secret: a page of a proxy with status 404 is no absent secret, and one with 403
// no refusal. The status only says whether the same read is worth another try.
func foreignKind(status int) Kind {
	switch {
	case status == 429:
		return Limited
	case status >= 400:
		return Failing
	}
	return Unreadable
}

func kindOfCode(code int) Kind {
	switch code >> 12 & 0xf {
	case categoryAuthentication:
		return Unauthenticated
	case categoryAuthorization:
		return Denied
	case categoryTooManyRequests:
		return Limited
	case categoryInternal, categoryDatabase, categoryUnavailable:
		return Failing
	case categoryArgument, categoryBadArgument, categoryConflict:
		return Rejected
	case categoryNotFound:
		switch {
		case code == codeSecretNotFound:
			return SecretAbsent
		case code == codeVersionNotFound:
			return VersionAbsent
		case code>>16 == minorDomain:
			return DomainUnknown
		}
	}
	return ""
}

// MayPass says that a failure is about the store's or the network's state, and
// not about the request: the same read may succeed later, and nothing was said
// against the credential or the secret.
func (k Kind) MayPass() bool {
	switch k {
	case Unreachable, TimedOut, Failing, Limited, TokenFailing:
		return true
	case SecretAbsent, VersionAbsent, Deactivated, Deleted, Unauthenticated, Denied, DomainUnknown, Rejected,
		Untrusted, Unreadable, NodeFull, ClientRefused:
	}
	return false
}
