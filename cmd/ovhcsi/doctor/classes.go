// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"bytes"
	"slices"
	"strings"

	"ovhcloud-csi-provider/cmd/ovhcsi/cluster"
	"ovhcloud-csi-provider/cmd/ovhcsi/lint"
	"ovhcloud-csi-provider/provider/place"
)

// checkClasses looks for mistakes in classes and in the pods that name them, as ovhcsi lint does.
func checkClasses(f *facts, r *Report) {
	if r.unread(classes, "SecretProviderClasses", f.Classes.Err) || len(f.Classes.Items) == 0 {
		return
	}
	var sources []lint.Source
	for _, c := range f.Classes.Items {
		sources = append(sources, lint.Source{Name: className(c), Text: string(c.Text)})
	}
	for _, p := range f.templates() {
		sources = append(sources, lint.Source{Name: podName(p), Text: withKind(p.Text)})
	}
	var options lint.Options
	for i, p := range f.providers[:min(1, len(f.providers))] {
		options.Connections = f.files[i].connections
		options.Endpoints, _ = place.ParseEndpoints(p.flags("allow-endpoint")) // an invalid one is the daemon's error
	}
	found := 0
	for _, one := range lint.Check(sources, options) {
		if one.Severity != lint.Note && one.ID != lint.NoClass {
			found++
			r.add(Result{classes, one.ID, one.Severity, one.File, one.Message, "",
				"docs/lint.md#" + strings.ToLower(one.ID)})
		}
	}
	if found == 0 {
		r.pass(classes, "%d of provider %s, no mistake found", len(f.classes), providerName)
	}
}

// templates returns the pods with a volume of the provider: one of those that have the same owner.
func (f *facts) templates() (pods []cluster.Pod) {
	var owners []string
	for _, u := range f.uses {
		owner := u.pod.Metadata.UID
		for _, o := range u.pod.Metadata.OwnerReferences {
			owner = o.UID
		}
		if !slices.Contains(owners, owner) {
			owners, pods = append(owners, owner), append(pods, u.pod)
		}
	}
	return pods
}

// withKind adds the kind to a pod of a list, where the API server leaves it out.
func withKind(pod []byte) string {
	return `{"kind": "Pod", ` + string(bytes.TrimPrefix(bytes.TrimSpace(pod), []byte("{")))
}
