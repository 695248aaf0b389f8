// SPDX-License-Identifier: Apache-2.0

package okms

import (
	"fmt"
	"strings"
	"time"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/wire"
)

// Error is a failed read. It never holds a secret's value or a credential. Its texts are
// fixed texts of this program, with one exception: Text, RequestID and Since may quote OKMS's
// error object, with the credentials that were sent redacted. Texts of a proxy or a library
// are never quoted.
type Error struct {
	Kind failure.Kind
	// Status is the HTTP status; 0 if there was no answer.
	Status int
	// Code is OKMS's error_code; 0 if the answer has none.
	Code int
	// RequestID is OKMS's identifier of the request, which OVHcloud's support asks for. Empty
	// if the answer has none.
	RequestID string
	// Text is OKMS's message, or a description of the failure: one line, at most 300 bytes
	// and an ellipsis.
	Text string
	// RetryAfter is the time to wait that OKMS asked for; 0 if it asked for none.
	RetryAfter time.Duration
	// Version is the version that is Deactivated or Deleted, and Since OKMS's time stamp of
	// that change; 0 and "" if unknown.
	Version int
	Since   string
	// Cause is the defect of the server's certificate if Kind is Untrusted, wire.Proxy if Kind
	// is Unreachable because of a proxy, and either of them if Kind is TokenFailing. It
	// has no meaning for other failures.
	Cause wire.Cause
	// Foreign reports that the answer is not from OKMS, but for example from a proxy.
	Foreign bool
	// Others describes the versions that can be read instead of one that is Deactivated or
	// Deleted. Zero if they are unknown.
	Others Others
	// Queued reports, if Kind is TimedOut, that no request was sent: the read spent its time
	// in the queue behind other reads of this node.
	Queued bool
}

// Others summarizes the list of a secret's versions.
type Others struct {
	Listed       bool // the store listed versions
	LatestActive int  // the highest number of an active version; 0 if there is none
}

// Error returns Text, or the name of Kind if Text is empty, followed by Facts in brackets:
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

// Facts returns the details by which OVHcloud's support finds the request: "HTTP 403, error
// code 16924673, request OKMS.1234". Empty if there was no answer.
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

// Error codes that identify the object that was not found (source: SDK errors_test.go and
// OVHcloud's tests in External Secrets Operator).
const (
	codeSecretNotFound  = 0x01055001
	codeVersionNotFound = 0x01055002
	// minorDomain is the value of bits 16 to 31 in codes about the domain.
	minorDomain = 0x0103
)

// kindOf returns the Kind of OKMS's answer that is not a success: by the category of its
// error_code, or by its status if the category is unknown. The category comes first because
// OVHcloud documents the status of a refusal in contradictory ways (401, 403 and 404).
func kindOf(status, code int) failure.Kind {
	if kind := kindOfCode(code); kind != "" {
		return kind
	}
	switch {
	case status == 401:
		return failure.Unauthenticated
	case status == 403:
		return failure.Denied
	case status == 404 && code == 0:
		return failure.SecretAbsent
	case status == 404:
		return failure.Rejected // another object was not found; optional must not hide that
	case status == 429:
		return failure.Limited
	case status == 408 || status >= 500:
		return failure.Failing
	case status >= 400:
		return failure.Rejected
	}
	return failure.Unreadable
}

// foreignKind returns the Kind of an answer that is not from OKMS. Such an answer proves
// nothing about the credential or the secret: a proxy's page with status 404 does not mean that
// the secret is absent. The status only decides whether a retry is worthwhile.
func foreignKind(status int) failure.Kind {
	switch {
	case status == 429:
		return failure.Limited
	case status >= 400:
		return failure.Failing
	}
	return failure.Unreadable
}

// kindOfCode returns the Kind of an error_code; "" if it is unknown.
func kindOfCode(code int) failure.Kind {
	switch code >> 12 & 0xf {
	case categoryAuthentication:
		return failure.Unauthenticated
	case categoryAuthorization:
		return failure.Denied
	case categoryTooManyRequests:
		return failure.Limited
	case categoryInternal, categoryDatabase, categoryUnavailable:
		return failure.Failing
	case categoryArgument, categoryBadArgument, categoryConflict:
		return failure.Rejected
	case categoryNotFound:
		switch {
		case code == codeSecretNotFound:
			return failure.SecretAbsent
		case code == codeVersionNotFound:
			return failure.VersionAbsent
		case code>>16 == minorDomain:
			return failure.DomainUnknown
		}
	}
	return ""
}
