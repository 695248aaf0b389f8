// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"fmt"
	"slices"
	"strings"

	"ovhcloud-csi-provider/cmd/ovhcsi/cluster"
)

// oldestKubernetes is the first version that the provider and its chart support.
var oldestKubernetes = version{1, 30}

// checkKubernetes checks the version of the cluster.
func checkKubernetes(f *facts, r *Report) {
	is, known := parseVersion(f.Version.GitVersion)
	if known && is.before(oldestKubernetes) {
		r.find(oldKubernetes, "", "Upgrade the cluster",
			"the cluster has Kubernetes %s; the provider needs %d.%d or later",
			f.Version.GitVersion, oldestKubernetes.major, oldestKubernetes.minor)
		return
	}
	nodes := ""
	if !r.unread(kubernetes, "nodes", f.Nodes.Err) {
		nodes = ", " + plural(len(f.Nodes.Items), "node")
	}
	r.pass(kubernetes, "version %s%s", strings.TrimPrefix(f.Version.GitVersion, "v"), nodes)
}

// architectures are those of the image.
var architectures = []string{"amd64", "arm64"}

// checkNodes checks that the provider can run on a node.
func checkNodes(f *facts, r *Report) {
	if f.Nodes.Err != nil {
		return // checkKubernetes has told
	}
	fits := func(n cluster.Node) bool {
		return n.Status.NodeInfo.OperatingSystem == "linux" && slices.Contains(architectures,
			n.Status.NodeInfo.Architecture) &&
			n.Metadata.Labels["type"] != "virtual-kubelet"
	}
	number := 0
	for _, n := range f.Nodes.Items {
		if fits(n) {
			number++
		}
	}
	if number == 0 {
		r.find(noNode, "", "Add a Linux node", "no node has Linux on %s; virtual nodes have no directories for the socket",
			strings.Join(architectures, " or "))
		return
	}
	r.pass(kubernetes, "the provider can run on %d of %s", number, plural(len(f.Nodes.Items), "node"))
}

// checkNamespace checks that pods of a namespace may mount a directory of the node.
func checkNamespace(f *facts, r *Report, name string) {
	if r.unread(kubernetes, "namespaces", f.Namespaces.Err) {
		return
	}
	for _, n := range f.Namespaces.Items {
		level := n.Metadata.Labels["pod-security.kubernetes.io/enforce"]
		if n.Metadata.Name == name && level != "" && level != "privileged" {
			r.find(noHostPath, "Namespace "+name, "Install the provider into kube-system, or set the label to privileged",
				"its label pod-security.kubernetes.io/enforce is %q: the pods of the driver and the provider need a directory of "+
					"the node", level)
			return
		}
	}
	r.pass(kubernetes, "namespace %s accepts pods with a directory of the node", name)
}

// plural returns a number with its noun.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
