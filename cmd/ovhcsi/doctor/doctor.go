// SPDX-License-Identifier: Apache-2.0

// Package doctor checks a cluster in which the Secrets Store CSI driver and the provider run, or will
// run. Checks are functions of a snapshot; only Examine reads the cluster, and nothing writes.
package doctor

import (
	"context"
	"time"

	"ovhcloud-csi-provider/cmd/ovhcsi/cluster"
	"ovhcloud-csi-provider/provider/place"
)

// Options are what a user asks for. The zero value checks an installed provider.
type Options struct {
	// Pre checks what must be there before the provider is installed into Namespace.
	Pre       bool
	Namespace string
	// Network also asks the endpoints of classes and connections from this machine, without a
	// credential, and Domains are asked too.
	Network bool
	Domains []place.Domain
	// FromInside also reads the metrics of the provider's pods, by the way of the API server.
	FromInside bool
	// Now is the time for the ends of credentials and the ages of events.
	Now time.Time
}

// Examine reads a cluster and checks it. The error is why it cannot be read at all.
func Examine(ctx context.Context, from cluster.Reader, o Options) (*Report, error) {
	s := &cluster.Snapshot{}
	var err error
	if s.Version, err = cluster.Ping(ctx, from); err != nil {
		return nil, err
	}
	s.ReadBase(ctx, from)
	if !o.Pre {
		s.ReadRest(ctx, from)
	}
	f := newFacts(s, o.Now)
	f.read(ctx, from, o)
	return check(f, o), ctx.Err()
}

// read reads what the first look at the cluster names.
func (f *facts) read(ctx context.Context, from cluster.Reader, o Options) {
	if f.mirrors() {
		f.ReadRoles(ctx, from)
	}
	if !o.Pre {
		f.ReadConfigMaps(ctx, from, f.configMaps())
		f.readFiles()
		f.left = f.ReadSecrets(ctx, from, append(f.connectionSecrets(), f.secrets()...))
	}
	f.reached = reach(ctx, f.domains(o.Domains, o.Network))
	if o.FromInside {
		_, paths := f.metricsPaths()
		f.metrics = cluster.ReadTexts(ctx, from, paths)
	}
}

// check runs all checks.
func check(f *facts, o Options) *Report {
	r := &Report{}
	checkKubernetes(f, r)
	if o.Pre {
		checkNodes(f, r)
		checkNamespace(f, r, o.Namespace)
	}
	checkDriver(f, r)
	checkMirroring(f, r)
	if o.Pre {
		checkReached(r, f.reached)
		return r
	}
	checkDriverPods(f, r)
	checkProvider(f, r)
	checkProviderPods(f, r)
	checkClasses(f, r)
	checkWaiting(f, r)
	checkMirrored(f, r)
	checkRecords(f, r)
	checkSecrets(f, r)
	checkConnections(f, r)
	checkReached(r, f.reached)
	checkInside(f, r)
	return r
}

// mirrors reports whether a class has secretObjects.
func (f *facts) mirrors() bool {
	for _, c := range f.classes {
		if len(c.Spec.SecretObjects) > 0 {
			return true
		}
	}
	return false
}
