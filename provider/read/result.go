// SPDX-License-Identifier: Apache-2.0

package read

import (
	"fmt"
	"time"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/explain"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/provider/plan"
)

// Result is the outcome of one read: a secret, which may be stale, or an error.
type Result struct {
	Secret  okms.Secret
	because *okms.Error   // why it is stale, nil if it is not
	age     time.Duration // of a stale one
	Err     *okms.Error
	// Version is what the versions of the secret's files are made of.
	Version Version
	// instead is why the fallback was asked for the secret, nil if it was not. second is
	// the failed read of the fallback, nil if there is none.
	instead *okms.Error
	second  *Result
}

// kind returns the kind of the failure, "" if there is a secret.
func (r Result) kind() failure.Kind {
	if r.Err == nil {
		return ""
	}
	return r.Err.Kind
}

// Version identifies a version of a secret. If the fallback gave the same text as the first
// domain gave last, it is that of the first domain: a version that changes restarts
// workloads. Otherwise Host is the fallback's host behind an @.
type Version struct {
	Domain  place.Domain
	Number  int
	Created string
	Host    string
}

// Results are the outcomes of the reads of a mount.
type Results map[plan.Read]Result

// FallbackReads are the reads of a mount that the fallback of its connection served: its
// name, its credential without any secret part, the secrets as path@version, and why the
// connection itself could not be asked for the first of them. All are empty if there are
// none.
type FallbackReads struct {
	Connection, Credential string
	Reads                  []string
	Because                string
}

// Reads returns the secrets that were read, as path@version, in the order of the plan.
func (got Results) Reads(pl plan.Plan) []string {
	var reads []string
	for _, read := range pl.Reads {
		if f, done := got[read]; done && f.Err == nil && read.Ref.What == okms.Data {
			reads = append(reads, fmt.Sprintf("%s@%d", f.Secret.Path, f.Secret.Version))
		}
	}
	return reads
}

// Stale returns the secrets that were served stale, with their ages, and why the first of
// them was. Both are empty if there are none.
func (got Results) Stale(pl plan.Plan) (reads []string, because string) {
	for _, read := range pl.Reads {
		f := got[read]
		if f.because == nil || read.Ref.What != okms.Data {
			continue
		}
		if len(reads) == 0 {
			because = f.because.Error()
			if f.second != nil {
				because += "; the fallback: " + f.second.Err.Error()
			} else if why := pl.RouteAt(read.Route).WithoutFallback(read.Ref); why != "" {
				because += "; " + why
			}
		}
		reads = append(reads, fmt.Sprintf("%s@%d read %s ago", f.Secret.Path, f.Secret.Version, f.age.Round(time.Second)))
	}
	return reads, because
}

// Fallback returns the reads that the fallback served.
func (got Results) Fallback(pl plan.Plan) (out FallbackReads) {
	for _, read := range pl.Reads {
		f := got[read]
		if f.instead == nil || read.Ref.What != okms.Data {
			continue
		}
		if len(out.Reads) == 0 {
			second := pl.RouteAt(read.Route).Fallback
			out.Connection, out.Credential, out.Because = second.Connection, second.Credential.String(), f.instead.Error()
		}
		out.Reads = append(out.Reads, fmt.Sprintf("%s@%d", f.Secret.Path, f.Secret.Version))
	}
	return out
}

// FailureOf returns why an object of the plan has no secret. It is only for objects whose
// read failed.
func (got Results) FailureOf(pl plan.Plan, o class.Object) failure.Failure {
	return failureOf(pl.RouteOf(o), o, got[pl.Read(o)])
}

// failureOf returns the Failure that the user of an object sees for a failed read: what is
// wrong, what the store said, and what to do. If the fallback failed too, it says the same
// of the fallback.
func failureOf(route plan.Route, o class.Object, f Result) failure.Failure {
	out := explain.Read(route.Origin, o, f.Err, failure.TriesAgain)
	if f.second == nil {
		if f.Err.Kind.MayPass() {
			out.Hidden = route.WithoutFallback(o.Ref())
		}
		return out
	}
	second := explain.Read(route.Fallback.Origin, o, f.second.Err, failure.TriesAgain)
	if f.second.Err.Kind == failure.SecretAbsent {
		// optional would hide nothing: the first may have it
		second.Advice = "write the secret to the domain of the fallback, too"
	}
	out.What += fmt.Sprintf("; its fallback, connection %q: %s", route.Fallback.Connection, second.What)
	out.Facts = withFallback(out.Facts, second.Facts)
	if second.Advice != out.Advice {
		out.Advice = withFallback(out.Advice, second.Advice)
	}
	return out
}

// withFallback joins a text about a store and one about its fallback.
func withFallback(first, second string) string {
	if first == "" || second == "" {
		return first + second
	}
	return first + "; fallback: " + second
}
