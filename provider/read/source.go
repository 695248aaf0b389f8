package read

import (
	"time"

	"ovhcloud-csi-provider/provider/cache"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/plan"
	"ovhcloud-csi-provider/provider/pool"
)

// source is where a mount reads, and with what right.
type source struct {
	*pool.Lease
	maxStale time.Duration
	lists    *listings // of the mount, for all its sources
}

// gave returns what came of a read that the source gave a value for.
func (s source) gave(v cache.Value) Result {
	return Result{Secret: v.Secret, because: v.Because, age: v.Age,
		Version: Version{Domain: s.Domain, Number: v.Secret.Version, Created: v.Secret.Created}}
}

func (s source) key(ref okms.Ref) cache.Key {
	return cache.Key{Credential: s.Credential, Domain: s.Domain, Ref: ref}
}

// sources are where a mount reads: from first, and what allowed permits from second if
// first cannot be asked.
type sources struct {
	first     source
	second    *source
	allowed   func(path string) bool
	namespace string // of the pod, for whose turn it is
}

// openSources leases the clients that a plan reads with. If the client of the fallback cannot
// be had, the mount goes on without it. namespace is that of the pod. The caller closes the
// sources.
func openSources(from *pool.Pool, pl plan.Plan, namespace string, maxStale time.Duration) (sources, error) {
	lists := &listings{}
	first, err := from.Lease(pl.Origin, namespace)
	if err != nil {
		return sources{}, err
	}
	s := sources{first: source{first, pl.MaxStale(maxStale), lists}, namespace: namespace}
	if pl.Fallback == nil {
		return s, nil
	}
	if second, err := from.Lease(pl.Fallback.Origin, namespace); err == nil {
		s.second, s.allowed = &source{second, pl.Fallback.MaxStale(maxStale), lists}, pl.Fallback.Grant.Allows
	}
	return s, nil
}

func (s sources) close() {
	s.first.Close()
	if s.second != nil {
		s.second.Close()
	}
}
