// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"sync"
)

// Snapshot is what a cluster holds that concerns the driver and the provider.
type Snapshot struct {
	Version    Version
	Namespaces Part[Namespace]
	Nodes      Part[Node]
	Driver     Part[CSIDriver] // at most one
	DaemonSets Part[DaemonSet]
	Pods       Part[Pod] // those of DaemonSets, and those with a volume of the driver
	Classes    Part[Class]
	Mounts     Part[Mount]
	Events     Part[Event] // of pods: failed mounts, failed mirroring, failed probes
	// Roles and Bindings are of the cluster and of namespaces. They are read only if Read is asked
	// for them.
	Roles    Part[Role]
	Bindings Part[Binding]
	// ConfigMaps and Secrets are those that ReadConfigMaps and ReadSecrets read.
	ConfigMaps map[Ref]Part[ConfigMap]
	Secrets    map[Ref]Part[Secret]
}

// Ref names an object of a namespace.
type Ref struct{ Namespace, Name string }

// String returns namespace/name.
func (r Ref) String() string { return r.Namespace + "/" + r.Name }

// Paths of the API.
const (
	classes  = "/apis/secrets-store.csi.x-k8s.io/v1/secretproviderclasses"
	mounts   = "/apis/secrets-store.csi.x-k8s.io/v1/secretproviderclasspodstatuses"
	rbac     = "/apis/rbac.authorization.k8s.io/v1/"
	atOnce   = 4 // requests at the same time: each is a process
	mostRefs = 200
)

// ReadClasses returns the list of all SecretProviderClasses as the API server sends it.
func ReadClasses(ctx context.Context, from Reader) ([]byte, error) { return from.Get(ctx, classes) }

// ReadClass returns a SecretProviderClass as the API server sends it.
func ReadClass(ctx context.Context, from Reader, namespace, name string) ([]byte, error) {
	return from.Get(ctx,
		"/apis/secrets-store.csi.x-k8s.io/v1/namespaces/"+url.PathEscape(namespace)+"/secretproviderclasses/"+
			url.PathEscape(name))
}

// Ping returns the API server's version. The error is why no cluster can be asked.
func Ping(ctx context.Context, from Reader) (Version, error) {
	v := get[Version](ctx, from, "/version")
	if v.Err != nil {
		return Version{}, v.Err
	}
	return v.Items[0], nil
}

// ReadBase reads what matters before the provider is installed.
func (s *Snapshot) ReadBase(ctx context.Context, from Reader) {
	together(
		func() { s.Namespaces = list[Namespace](ctx, from, "/api/v1/namespaces", nil) },
		func() { s.Nodes = list[Node](ctx, from, "/api/v1/nodes", nil) },
		func() { s.Driver = get[CSIDriver](ctx, from, "/apis/storage.k8s.io/v1/csidrivers/"+DriverName) },
		func() { s.DaemonSets = list[DaemonSet](ctx, from, "/apis/apps/v1/daemonsets", nil) },
		func() { s.Classes = list[Class](ctx, from, classes, nil) },
	)
}

// ReadRest reads what the driver and the provider do.
func (s *Snapshot) ReadRest(ctx context.Context, from Reader) {
	all := make([]Part[Event], 3)
	events := func(i int, reason string) func() {
		return func() {
			selector := url.QueryEscape("reason=" + reason + ",involvedObject.kind=Pod")
			all[i] = list[Event](ctx, from, "/api/v1/events?fieldSelector="+selector, nil)
		}
	}
	together(
		func() { s.Pods = list(ctx, from, "/api/v1/pods", concerns) },
		func() { s.Mounts = list[Mount](ctx, from, mounts, nil) },
		events(0, "FailedMount"), events(1, "FailedToCreateSecret"), events(2, "Unhealthy"),
	)
	s.Events = join(all...)
}

// concerns reports whether a pod has a volume of the driver, or is one of a DaemonSet.
func concerns(p Pod) bool {
	return p.Mounts() || slices.ContainsFunc(p.Metadata.OwnerReferences,
		func(o struct{ Kind, Name, UID string }) bool { return o.Kind == "DaemonSet" })
}

// ReadRoles reads who may do what.
func (s *Snapshot) ReadRoles(ctx context.Context, from Reader) {
	roles, bindings := make([]Part[Role], 2), make([]Part[Binding], 2)
	together(
		func() { roles[0] = list[Role](ctx, from, rbac+"clusterroles", nil) },
		func() { roles[1] = list[Role](ctx, from, rbac+"roles", nil) },
		func() { bindings[0] = list[Binding](ctx, from, rbac+"clusterrolebindings", nil) },
		func() { bindings[1] = list[Binding](ctx, from, rbac+"rolebindings", nil) },
	)
	s.Roles, s.Bindings = join(roles...), join(bindings...)
}

// ReadConfigMaps reads ConfigMaps by their names.
func (s *Snapshot) ReadConfigMaps(ctx context.Context, from Reader, refs []Ref) {
	s.ConfigMaps = named[ConfigMap](ctx, from, "configmaps", refs)
}

// ReadSecrets reads Secrets by their names, at most 200. It returns how many were left out.
func (s *Snapshot) ReadSecrets(ctx context.Context, from Reader, refs []Ref) (left int) {
	read := refs[:min(len(refs), mostRefs)]
	s.Secrets = named[Secret](ctx, from, "secrets", read)
	return len(refs) - len(read)
}

// named reads objects by their names.
func named[T any](ctx context.Context, from Reader, kind string, refs []Ref) map[Ref]Part[T] {
	parts := make([]Part[T], len(refs))
	var reads []func()
	for i, ref := range refs {
		reads = append(reads, func() {
			path := "/api/v1/namespaces/" + url.PathEscape(ref.Namespace) + "/" + kind + "/" + url.PathEscape(ref.Name)
			parts[i] = get[T](ctx, from, path)
		})
	}
	together(reads...)
	all := map[Ref]Part[T]{}
	for i, ref := range refs {
		all[ref] = parts[i]
	}
	return all
}

// Text is a text that a pod answers.
type Text struct {
	Text string
	Err  error
}

// Proxy returns the path by which the API server asks a pod for a path over HTTP.
func Proxy(p Pod, port, path string) string {
	return "/api/v1/namespaces/" + url.PathEscape(p.Metadata.Namespace) + "/pods/" +
		url.PathEscape(p.Metadata.Name+":"+port) + "/proxy/" + path
}

// ReadTexts reads texts of pods, at most 200, in the order of their paths.
func ReadTexts(ctx context.Context, from Reader, paths []string) []Text {
	all := make([]Text, min(len(paths), mostRefs))
	var reads []func()
	for i := range all {
		reads = append(reads, func() {
			text, err := from.Get(ctx, paths[i])
			all[i] = Text{string(text), err}
		})
	}
	together(reads...)
	return all
}

// join returns the items of all parts, and all errors.
func join[T any](parts ...Part[T]) (all Part[T]) {
	for _, p := range parts {
		all.Items = append(all.Items, p.Items...)
		all.Err = errors.Join(all.Err, p.Err)
	}
	return all
}

// together calls functions, a few at a time.
func together(all ...func()) {
	free := make(chan struct{}, atOnce)
	var running sync.WaitGroup
	for _, one := range all {
		free <- struct{}{}
		running.Go(func() {
			defer func() { <-free }()
			one()
		})
	}
	running.Wait()
}
