// SPDX-License-Identifier: Apache-2.0

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
	allowed   func(okms.Ref) bool
	namespace string // of the pod, for whose turn it is
}

// openSources leases the clients of a route. If the client of the fallback cannot be had, the
// mount goes on without it. namespace is that of the pod. The caller closes the sources.
func openSources(from *pool.Pool, route plan.Route, namespace string, maxStale time.Duration,
	lists *listings) (sources, error) {
	first, err := from.Lease(route.Origin, namespace)
	if err != nil {
		return sources{}, err
	}
	s := sources{first: source{first, route.MaxStale(maxStale), lists}, namespace: namespace}
	if route.Fallback == nil {
		return s, nil
	}
	if second, err := from.Lease(route.Fallback.Origin, namespace); err == nil {
		s.second, s.allowed = &source{second, route.Fallback.MaxStale(maxStale), lists}, route.Fallback.Allows
	}
	return s, nil
}

func (s sources) close() {
	s.first.Close()
	if s.second != nil {
		s.second.Close()
	}
}

// byRoute is the sources of each route that a mount reads by.
type byRoute map[int]sources

// open leases the clients of every route of a plan's reads. The caller closes them, also after an
// error.
func (b byRoute) open(from *pool.Pool, pl plan.Plan, namespace string, maxStale time.Duration) error {
	lists := &listings{}
	for _, read := range pl.Reads {
		if _, opened := b[read.Route]; opened {
			continue
		}
		s, err := openSources(from, pl.RouteAt(read.Route), namespace, maxStale, lists)
		if err != nil {
			return err
		}
		b[read.Route] = s
	}
	return nil
}

func (b byRoute) close() {
	for _, s := range b {
		s.close()
	}
}
