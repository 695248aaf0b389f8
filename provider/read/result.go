package read

import (
	"fmt"
	"time"

	"ovhcloud-csi-provider/provider/class"
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
type Results map[okms.Ref]Result

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
	for _, ref := range pl.Reads {
		if f := got[ref]; f.Err == nil {
			reads = append(reads, fmt.Sprintf("%s@%d", f.Secret.Path, f.Secret.Version))
		}
	}
	return reads
}

// Stale returns the secrets that were served stale, with their ages, and why the first of
// them was. Both are empty if there are none.
func (got Results) Stale(pl plan.Plan) (reads []string, because string) {
	for _, ref := range pl.Reads {
		f := got[ref]
		if f.because == nil {
			continue
		}
		if len(reads) == 0 {
			because = f.because.Error()
			if f.second != nil {
				because += "; the fallback: " + f.second.Err.Error()
			} else if why := pl.WithoutFallback(ref.Path); why != "" {
				because += "; " + why
			}
		}
		reads = append(reads, fmt.Sprintf("%s@%d read %s ago", f.Secret.Path, f.Secret.Version, f.age.Round(time.Second)))
	}
	return reads, because
}

// Fallback returns the reads that the fallback served.
func (got Results) Fallback(pl plan.Plan) (out FallbackReads) {
	for _, ref := range pl.Reads {
		f := got[ref]
		if f.instead == nil {
			continue
		}
		if len(out.Reads) == 0 {
			out.Connection, out.Credential, out.Because = pl.Fallback.Connection, pl.Fallback.Credential.String(), f.instead.Error()
		}
		out.Reads = append(out.Reads, fmt.Sprintf("%s@%d", f.Secret.Path, f.Secret.Version))
	}
	return out
}

// FailureOf returns why an object of the plan has no secret. It is only for objects whose
// read failed.
func (got Results) FailureOf(pl plan.Plan, o class.Object) failure.Failure {
	return explain(pl, o, got[o.Ref()])
}
