// SPDX-License-Identifier: Apache-2.0

// Package explain has the words for each kind of failure that a read can have: what is wrong,
// what the store said, and what to do.
package explain

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/credential"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/plan"
	"ovhcloud-csi-provider/provider/wire"
)

// The IAM actions that reading and describing a secret take.
const (
	ActionRead     = "okms:apikms:secret/version/getData"
	ActionDescribe = "okms:apikms:secret/get"
)

// Read returns the Failure for a failed read of one store. again says what happens
// next if the failure may pass. It has the words for each kind of failure that a read can
// have.
func Read(from plan.Origin, o class.Object, e *okms.Error, again string) failure.Failure {
	out := failure.Failure{Kind: e.Kind, Object: o.Number, Where: o.Where(), Facts: facts(e)}
	if e.Foreign {
		out.What, out.Advice = explainForeign(e, again)
		out.Facts = ""
		return out
	}
	switch e.Kind {
	case failure.SecretAbsent:
		out.What = "OKMS has no such secret in domain " + from.Domain.ID
		out.Advice = cmp.Or(class.VaultHint(o.SecretPath),
			"check secretPath, which is case-sensitive, and okmsId; optional: true lets the mount go on without the file")
	case failure.VersionAbsent, failure.Deactivated, failure.Deleted:
		out.What, out.Advice = explainVersion(e)
	case failure.Unauthenticated:
		out.What = fmt.Sprintf("OKMS refused the %s", from.Credential)
		out.Advice = cmp.Or(from.Credential.Hint(), "it is wrong, expired, revoked, or not of this OKMS domain")
	case failure.Denied:
		out.What, out.Advice = explainDenied(from, o)
	case failure.DomainUnknown:
		out.What = fmt.Sprintf("there is no OKMS domain %s at %s", from.Domain.ID, from.Domain.Host())
		out.Advice = "check okmsId and region"
	case failure.Rejected:
		out.What = "OKMS rejected the request"
		if e.Status == 400 {
			out.Advice = "check okmsId and secretPath"
		}
	case failure.ClientRefused, failure.TokenFailing:
		out.What, out.Advice = explainToken(from, e, again)
		out.Facts = "" // are in the text
	case failure.Limited:
		out.What, out.Advice = "OKMS limits requests at the moment", again
	case failure.Failing:
		out.What, out.Advice = "OKMS at "+from.Domain.Host()+" has a fault", again
	case failure.Unreachable:
		out.What, out.Advice = "OKMS cannot be reached: "+e.Text, reachAdvice(from, e, again)
	case failure.TimedOut:
		out.What, out.Advice = "no answer from OKMS in time: "+e.Text, again
	case failure.Untrusted:
		out.What, out.Advice = "the server's certificate is not trusted: "+e.Text, trustAdvice(e.Cause)
	case failure.NodeFull:
		out.What, out.Advice = e.Text, failure.NodeFullAdvice
	case failure.Unreadable, failure.Broken, failure.TooLarge,
		// No read has one of these.
		failure.Invalid, failure.EndpointRefused, failure.NotAllowed, failure.NoCredential,
		failure.KeyAbsent, failure.Unusable:
		out.What = e.Text
	}
	return out
}

// explainDenied is about an action that the credential may not take: to read a secret, or to list
// its versions or a folder.
func explainDenied(from plan.Origin, o class.Object) (what, advice string) {
	if o.Ref().What == okms.Data {
		return fmt.Sprintf("OKMS does not allow the %s to read it", from.Credential), GrantAdvice(from, ReadActions(from)...)
	}
	return fmt.Sprintf("OKMS does not allow the %s to list it", from.Credential), GrantAdvice(from, ActionDescribe)
}

// IsGone reports whether a failed read is about a secret or a version that OKMS does not have
// to give: the credential may read it.
func IsGone(e *okms.Error) bool {
	return e.Kind == failure.SecretAbsent || e.Kind.Drops() == failure.OfVersion
}

// reachAdvice returns what to do if a store is unreachable.
func reachAdvice(from plan.Origin, e *okms.Error, again string) string {
	if e.Cause == wire.Proxy {
		return again + "; if this persists, check HTTPS_PROXY and NO_PROXY, and which hosts the proxy allows"
	}
	advice := again + "; if this persists, check region, DNS and egress"
	if from.Credential.Kind() == credential.KindCertificate {
		advice += "; OKMS also closes connections of a certificate of another OKMS domain or without any right"
	}
	return advice
}

// trustAdvice returns what to do if the server's certificate is not trusted. The causes
// that it does not list are about the authority, or not about trust.
func trustAdvice(cause wire.Cause) string {
	//exhaustive:ignore
	switch cause {
	case wire.Expired:
		return "renew it on the server, or set the node's clock"
	case wire.NotYetValid:
		return "set the node's clock; if it is right, replace the certificate on the server"
	case wire.WrongName:
		return "check endpoint and region"
	case wire.BadCertificate:
		return "the server needs a certificate that is for TLS servers (serverAuth)"
	}
	return "if the endpoint is right, give its certificate authority in caBundle"
}

// explainForeign is about an answer that is not from OKMS. The facts are part of the text.
func explainForeign(e *okms.Error, again string) (what, advice string) {
	return e.Error() + ", perhaps of a proxy or firewall on the way", again
}

// explainVersion is about a version that does not exist, or whose data is gone.
func explainVersion(e *okms.Error) (what, advice string) {
	switch {
	case e.Kind == failure.Deactivated && e.Version == 0 && e.Others == (okms.Others{Listed: true}):
		return "the secret has no active version", "reactivate one, or write a new version"
	case e.Kind == failure.Deactivated:
		return fmt.Sprintf("version %s is deactivated%s", number(e.Version), since(e)),
			"reactivate it, write a new version, or pin an active one with objectVersion" + others(e)
	case e.Kind == failure.Deleted:
		return fmt.Sprintf("version %s is deleted for good%s", number(e.Version), since(e)),
			"write a new version, or pin an active one with objectVersion" + others(e)
	}
	return "OKMS has no such version of the secret",
		"OKMS removes the oldest versions when there are more than the secret keeps" + others(e)
}

// ReadActions returns the IAM actions that a read of a secret needs.
func ReadActions(from plan.Origin) []string {
	if from.Domain.API.NeedsGet() {
		return []string{ActionRead, ActionDescribe}
	}
	return []string{ActionRead}
}

// GrantAdvice returns what to do if one of some IAM actions is not allowed.
func GrantAdvice(from plan.Origin, actions ...string) string {
	what := "action "
	if len(actions) > 1 {
		what = "actions "
	}
	return "grant its identity the IAM " + what + strings.Join(actions, " and ") + " on the OKMS domain " +
		from.Domain.ID +
		"; a change takes about a minute"
}

// explainToken is about the token endpoint of an OAuth2 client. If it fails, OKMS is not
// asked.
func explainToken(from plan.Origin, e *okms.Error, again string) (what, advice string) {
	if e.Kind == failure.ClientRefused {
		return fmt.Sprintf("the token endpoint refused the %s: %s", from.Credential, e.Text),
			refusedClientAdvice(from.Credential)
	}
	switch {
	case e.Cause == wire.Proxy:
		advice = reachAdvice(from, e, again)
	case e.Cause == wire.WrongName:
		advice = "check tokenUrl"
	case e.Cause.Untrusted():
		advice = trustAdvice(e.Cause)
	default:
		advice = again
	}
	what = fmt.Sprintf("no access token for the %s: the token endpoint %s", from.Credential, e.Text)
	return what, advice + movedAdvice(from.Credential, e) + "; OKMS was not asked"
}

// facts returns what OKMS said, in its words and numbers. If OKMS did not answer, the words
// are this program's and are in the message already.
func facts(e *okms.Error) string {
	if e.Kind == failure.Unauthenticated && e.Status == 0 {
		return e.Text
	}
	if IsGone(e) {
		return e.Facts() // its words would say the same again
	}
	if e.Code != 0 && e.Text != "" {
		return fmt.Sprintf("%s; %s", e.Text, e.Facts())
	}
	return e.Facts()
}

func number(version int) string {
	if version == 0 {
		return "asked for"
	}
	return fmt.Sprint(version)
}

func since(e *okms.Error) string {
	if e.Since == "" {
		return ""
	}
	if at, err := time.Parse(time.RFC3339, e.Since); err == nil {
		return " since " + at.UTC().Format(time.DateTime) + " UTC"
	}
	return " since " + e.Since
}

// others returns which version could be read instead, "" if that is not known.
func others(e *okms.Error) string {
	switch {
	case e.Others.LatestActive > 0:
		return fmt.Sprintf("; the latest active version is %d", e.Others.LatestActive)
	case e.Others.Listed:
		return "; no version is active"
	}
	return ""
}
