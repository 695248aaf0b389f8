// SPDX-License-Identifier: Apache-2.0

package class

import (
	"slices"
	"strings"

	"ovhcloud-csi-provider/provider/failure"
)

// The attributes of a mount that the driver and kubelet add to the parameters.
const (
	AttributePrefix    = "csi.storage.k8s.io/"
	AttributeClass     = "secretProviderClass"
	attributeProvider  = "providerName"
	AttributePod       = AttributePrefix + "pod.name"
	AttributeNamespace = AttributePrefix + "pod.namespace"
	AttributePodUID    = AttributePrefix + "pod.uid"
	AttributeAccount   = AttributePrefix + "serviceAccount.name"
)

// attributes are those of them that a mount needs.
var attributes = []string{AttributeClass, AttributePod, AttributeNamespace, AttributePodUID, AttributeAccount}

// maxNameLength limits what is kept of the name of an unknown parameter, in bytes. Longer
// names are cut.
const maxNameLength = 100

// KnownAttributes returns the attributes that a mount needs: our parameters, what kubelet
// says about the pod, and only the names of unknown ones, as many as a message shows. The
// author of a pod can add others of any size.
func KnownAttributes(all map[string]string) map[string]string {
	known := map[string]string{}
	unknown := 0
	for name, value := range all {
		switch {
		case slices.Contains(parameters, name) || slices.Contains(attributes, name):
			known[name] = value
		case strings.HasPrefix(name, AttributePrefix) || name == attributeProvider:
		case unknown <= failure.Most:
			unknown++
			known[strings.Clone(name[:min(len(name), maxNameLength)])] = ""
		}
	}
	return known
}
