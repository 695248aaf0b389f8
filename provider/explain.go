package provider

import (
	"fmt"
	"strings"
	"time"

	"ovhcloud-csi-provider/provider/auth"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/wire"
)

// explain makes of a failed read what the user of an object is told: what is
// wrong, what the store said, and what to do; and the same of the fallback.
func explain(pl plan, o object, f fetched) Failure {
	out := explainOne(pl.origin, o, f, triesAgain)
	if f.second == nil {
		if f.err.Kind.MayPass() {
			out.Hidden = pl.withoutFallback(o.secretPath)
		}
		return out
	}
	second := explainOne(pl.fallback.origin, o, *f.second, triesAgain)
	if f.second.err.Kind == okms.SecretAbsent {
		second.Advice = "it should hold the same secrets" // optional would hide nothing: the first may have it
	}
	out.What += fmt.Sprintf("; its fallback, connection %q: %s", pl.fallback.connection, second.What)
	out.Facts = withFallback(out.Facts, second.Facts)
	if second.Advice != out.Advice {
		out.Advice = withFallback(out.Advice, second.Advice)
	}
	return out
}

// withFallback adds to what is said of a store what is said of its fallback.
func withFallback(first, second string) string {
	if first == "" || second == "" {
		return first + second
	}
	return first + "; fallback: " + second
}

func hostOf(d okms.Domain) string { return strings.TrimPrefix(d.Endpoint, "https://") }

// explainOne is explain for one store. again says who tries again what may pass.
func explainOne(from origin, o object, f fetched, again string) Failure {
	e := f.err
	out := Failure{Kind: Kind(e.Kind), Object: o.number, Where: o.where(), Facts: facts(e)}
	if e.Foreign {
		out.What, out.Advice = explainForeign(e, again)
		out.Facts = ""
		return out
	}
	switch e.Kind {
	case okms.SecretAbsent, okms.VersionAbsent, okms.Deactivated, okms.Deleted:
		out.What, out.Advice = explainAbsent(from, f)
		out.Advice = withPathHint(e, o.secretPath, out.Advice)
	case okms.Unauthenticated:
		out.What = fmt.Sprintf("OKMS refused the %s", from.credential)
		out.Advice = "it is wrong, expired, revoked, or not of this OKMS domain"
		if hint := from.credential.Hint(); hint != "" {
			out.Advice = hint
		}
	case okms.Denied:
		out.What = fmt.Sprintf("OKMS does not allow the %s to read it", from.credential)
		out.Advice = grantAdvice(from, ActionRead)
	case okms.DomainUnknown:
		out.What = fmt.Sprintf("there is no OKMS domain %s at %s", from.domain.ID, hostOf(from.domain))
		out.Advice = "check okmsId and region"
	case okms.Rejected:
		out.What = "OKMS rejected the request"
		if e.Status == 400 {
			out.Advice = "check okmsId and secretPath"
		}
	case okms.ClientRefused, okms.TokenFailing:
		out.What, out.Advice = explainToken(from, e, again)
		out.Facts = "" // stand in the text
	case okms.Limited, okms.Failing, okms.Unreachable, okms.TimedOut, okms.Untrusted, okms.Unreadable, okms.NodeFull:
		fallthrough
	default:
		out.What, out.Advice = explainTrouble(from, e, again)
	}
	return out
}

// explainTrouble is about a store that did not get as far as an answer to the
// request, or gave one that says nothing of the secret.
func explainTrouble(from origin, e *okms.Error, again string) (what, advice string) {
	// Others have answers of their own.
	//exhaustive:ignore
	switch e.Kind {
	case okms.Limited:
		return "OKMS limits requests at the moment", again
	case okms.Failing:
		return "OKMS at " + hostOf(from.domain) + " has a fault", again
	case okms.Unreachable:
		return "OKMS cannot be reached: " + e.Text, reachAdvice(from, e, again)
	case okms.TimedOut:
		return "no answer from OKMS in time: " + e.Text, again
	case okms.Untrusted:
		return "the server's certificate is not trusted: " + e.Text, trustAdvice(e.Cause)
	case okms.NodeFull:
		return e.Text, nodeFullAdvice
	default:
		return e.Text, ""
	}
}

// reachAdvice is what to do where there is no connection to a store.
func reachAdvice(from origin, e *okms.Error, again string) string {
	if e.Cause == wire.Proxy {
		return again + "; if this persists, check HTTPS_PROXY and NO_PROXY, and which hosts the proxy allows"
	}
	advice := again + "; check the region, the DNS and the way out of the cluster if it stays so"
	if from.credential.Kind() == auth.KindCertificate {
		advice += "; OKMS also hangs up on a certificate of another OKMS domain or without any right"
	}
	return advice
}

// trustAdvice is what to do where the server's certificate is not trusted.
func trustAdvice(cause wire.Cause) string {
	// Others need the authority.
	//exhaustive:ignore
	switch cause {
	case wire.Expired:
		return "renew it on the server, or set the node's clock"
	case wire.NotYetValid:
		return "set the node's clock; if it is right, replace the certificate on the server"
	case wire.WrongName:
		return "check endpoint and region"
	case wire.BadCertificate:
		return "the server needs a certificate for TLS servers"
	}
	return "if the endpoint is right, give its certificate authority in caBundle"
}

// explainForeign is about an answer that is not OKMS's. The facts are part of what it
// says.
func explainForeign(e *okms.Error, again string) (what, advice string) {
	return e.Error() + ": a proxy or firewall in between?", again
}

// explainAbsent is about a secret or version that OKMS does not have to give.
func explainAbsent(from origin, f fetched) (what, advice string) {
	e := f.err
	// Others are not about an absent secret.
	//exhaustive:ignore
	switch e.Kind {
	case okms.SecretAbsent:
		return "OKMS has no such secret in domain " + from.domain.ID,
			"check secretPath, which is case-sensitive, and okmsId; optional: true lets the mount go on without the file"
	case okms.Deactivated:
		return fmt.Sprintf("version %s is deactivated%s", number(e.Version), since(e)),
			"reactivate it, write a new version, or pin an active one with objectVersion" + f.others.text()
	case okms.Deleted:
		return fmt.Sprintf("version %s is deleted for good%s", number(e.Version), since(e)),
			"write a new version, or pin an active one with objectVersion" + f.others.text()
	default: // VersionAbsent
		return "OKMS has no such version of the secret",
			"old versions are dropped when there are more than the secret keeps" + f.others.text()
	}
}

// triesAgain is who tries again in a mount.
const triesAgain = "kubelet tries again"

func grantAdvice(from origin, action string) string {
	return "grant its identity the IAM action " + action + " on the OKMS domain " + from.domain.ID + "; a change takes about a minute"
}

// nodeFullAdvice is for mounts that met a bound which all mounts of a node share.
const nodeFullAdvice = triesAgain + "; fewer or smaller secrets in a class help"

// explainToken is about the token endpoint of an OAuth2 client, which failed
// before OKMS could be asked.
func explainToken(from origin, e *okms.Error, again string) (what, advice string) {
	if e.Kind == okms.ClientRefused {
		return fmt.Sprintf("the token endpoint refused the %s: %s", from.credential, e.Text), refusedClientAdvice(from.credential)
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
	what = fmt.Sprintf("no access token for the %s: the token endpoint %s", from.credential, e.Text)
	return what, advice + movedAdvice(from.credential, e) + "; OKMS was not asked"
}

// facts is what OKMS said, in its own words and by its numbers. Where no answer
// of OKMS came, the words are this program's and stand in the message already.
func facts(e *okms.Error) string {
	if e.Kind == okms.Unauthenticated && e.Status == 0 {
		return e.Text
	}
	// Others are explained with OKMS's words.
	//exhaustive:ignore
	switch e.Kind {
	case okms.SecretAbsent, okms.VersionAbsent, okms.Deactivated, okms.Deleted:
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

// text says which version could be read instead, if that is known.
func (v otherVersions) text() string {
	switch {
	case v.latestActive > 0:
		return fmt.Sprintf("; the latest active version is %d", v.latestActive)
	case v.listed:
		return "; no version is active"
	}
	return ""
}
