// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"slices"
	"strings"
)

// checkProvider checks that the provider is there, and how it is set up.
func checkProvider(f *facts, r *Report) {
	if f.DaemonSets.Err != nil {
		return // checkDriver has told
	}
	if len(f.providers) == 0 {
		r.find(noProvider, "", "Install it: step 3 of docs/install.md", "no DaemonSet runs the provider")
		return
	}
	of := map[string]workload{}
	for _, p := range f.providers {
		if first, taken := of[p.socketDir()]; taken {
			r.find(twoProviders, p.name(), "Uninstall one of them",
				"%s has the same socket, %s/%s: they keep taking it from each other", first.name(), p.socketDir(),
				socketName)
		}
		of[p.socketDir()] = p
		r.pass(provider, "%s, image %s", p.name(), p.container.Image)
		checkDirectory(f, r, p)
		checkSettings(r, p)
	}
}

// The directories where the driver looks for sockets if its flags do not say.
const (
	usualDirectory   = "/var/run/secrets-store-csi-providers"
	furtherDirectory = "/etc/kubernetes/secrets-store-csi-providers"
)

// checkDirectory checks that the driver looks for the socket where the provider makes it.
func checkDirectory(f *facts, r *Report, p workload) {
	if f.driver.set == nil {
		return
	}
	var dirs []string
	for flag, usual := range map[string]string{"provider-volume": usualDirectory,
		"additional-provider-volume-paths": furtherDirectory} {
		value := usual
		if given := f.driver.flags(flag); len(given) > 0 {
			value = strings.Join(given, ",")
		}
		for _, dir := range strings.Split(value, ",") {
			if dir != "" {
				dirs = append(dirs, f.driver.onNode(dir))
			}
		}
	}
	slices.Sort(dirs)
	if slices.Contains(dirs, p.socketDir()) {
		r.pass(provider, "its socket is in %s, where the driver looks for it", p.socketDir())
		return
	}
	r.find(otherDirectory, p.name(), "Set the chart's socketDir to the driver's linux.providersDir",
		"its socket is in %s, and the driver looks for providers in %s", p.socketDir(),
		strings.Join(slices.Compact(dirs), " and "))
}

// leastMemory is the lowest limit with which the provider works, in bytes.
const leastMemory = 64 << 20

// checkSettings checks the version, the memory limit and the priority class.
func checkSettings(r *Report, p workload) {
	chart, image := p.set.Metadata.Labels["app.kubernetes.io/version"], tag(p.container.Image)
	_, is := parseVersion(image)
	if is && chart != "" && strings.TrimPrefix(chart, "v") != strings.TrimPrefix(image, "v") {
		r.find(otherVersion, p.name(), "Upgrade chart and image together",
			"the image has the tag %q, and the chart was made for %q", image, chart)
	}
	switch limit := p.container.Resources.Limits["memory"]; {
	case limit == "":
		r.find(noLimit, p.name(), "Set resources.limits.memory to 256Mi",
			"it has no memory limit; the provider assumes 256Mi")
	case quantity(limit) > 0 && quantity(limit) < leastMemory:
		r.find(noLimit, p.name(), "Set resources.limits.memory to 256Mi",
			"its memory limit is %s; it needs at least 64Mi", limit)
	}
	if class := p.set.Spec.Template.Spec.PriorityClassName; !slices.Contains([]string{"system-node-critical",
		"system-cluster-critical"}, class) {
		r.find(noPriority, p.name(), "Set priorityClassName to system-node-critical",
			"its priority class is %q: other pods can displace it, and pods with secrets then cannot start on the node", class)
	}
}

// checkProviderPods checks that the provider runs where the driver does.
func checkProviderPods(f *facts, r *Report) {
	if len(f.providers) == 0 || f.Pods.Err != nil {
		return
	}
	var has []string
	ready := true
	for _, p := range f.providers {
		ready = checkPods(f, r, providerNotReady, p) && ready
		has = append(has, p.nodes()...)
	}
	for _, node := range f.driver.nodes() {
		if !slices.Contains(has, node) {
			ready = false
			r.find(nodeLacks, "Node "+node,
				"Check the tolerations, the nodeSelector and the affinity of the provider's DaemonSet, and its events",
				"it runs the driver and has no pod of the provider: pods with secrets cannot start on it")
		}
	}
	if ready {
		r.pass(provider, "its pods are ready on %s", plural(len(has), "node"))
	}
}
