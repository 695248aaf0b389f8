// SPDX-License-Identifier: Apache-2.0

package simulation

import (
	"strings"

	"google.golang.org/grpc/codes"
)

// scope is what a refusal of a store is about.
type scope int

const (
	ofNothing scope = iota
	ofCredential
	ofStore
	ofPath
	ofVersion
)

// The categories of OKMS's error codes, and two codes (source: OVHcloud's SDK).
const (
	authentication  = 3
	authorization   = 4
	notFound        = 5
	secretNotFound  = 0x01055001
	versionNotFound = 0x01055002
	domainNotFound  = 0x0103
)

// scope returns what an answer refuses. The page of a proxy refuses nothing, and neither does a
// list: it is only asked for to say more.
func (q *Request) scope() scope {
	switch {
	case !q.Answered || strings.HasPrefix(q.Fault, "page:"):
		return ofNothing
	case q.Op == "token" && (q.Status == 400 || q.Status == 401 || q.Status == 403):
		return ofCredential
	case q.Op != "read" || q.Code == 0:
		return ofNothing
	}
	switch q.Code >> 12 & 0xf {
	case authentication:
		if strings.HasPrefix(q.Cred, "cli-") {
			return ofNothing // it was about an access token: the client gets another one
		}
		return ofStore
	case authorization:
		return ofPath
	case notFound:
		if q.Code == versionNotFound {
			return ofVersion
		}
		return ofPath
	}
	return ofNothing
}

// refuses reports whether an answer is a refusal. That of an access token may be the reason why a
// mount fails, and drops nothing: the client gets another token.
func (q *Request) refuses() bool {
	own := q.Op == "read" && q.Answered && !strings.HasPrefix(q.Fault, "page:") && q.Code>>12&0xf == authentication
	return own || q.scope() != ofNothing
}

// isAbsent reports whether an answer says that the secret or the version does not exist. A version
// that is deactivated or deleted does exist: its metadata come with the answer.
func (q *Request) isAbsent() bool {
	return q.Answered && q.scope() != ofNothing &&
		(q.Code == secretNotFound || q.Code == versionNotFound && q.Version == 0)
}

// means returns the code of a mount that is told a refusal.
func (q *Request) means() codes.Code {
	switch {
	case q.Op == "token" || q.Code>>12&0xf == authentication:
		return codes.Unauthenticated
	case q.Code>>12&0xf == authorization:
		return codes.PermissionDenied
	case q.Code == versionNotFound && q.Version != 0:
		return codes.FailedPrecondition
	}
	return codes.NotFound
}

// concerns reports whether a refusal may end the sharing of a read.
func (q *Request) concerns(a *Request) bool {
	switch q.scope() {
	case ofPath, ofVersion:
		return q.Store == a.Store && q.Ref.path == a.Ref.path
	}
	return q.scope() == ofCredential || q.Store == a.Store // the latter also if it was about an access token
}

// speaksAgainst reports whether a refusal is about a value.
func (q *Request) speaksAgainst(a *Request) bool {
	same := q.Store == a.Store && q.Ref.path == a.Ref.path
	switch q.scope() {
	case ofCredential:
		return true
	case ofStore:
		return q.Store == a.Store
	case ofPath:
		return same
	case ofVersion:
		return same &&
			(q.Ref.version == a.Ref.version || q.Version != 0 && q.Version == a.Version || q.Ref.version == a.Version)
	}
	return false
}
