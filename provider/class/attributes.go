package class

import (
	"slices"
	"strings"

	"ovhcloud-csi-provider/provider/failure"
)

// Attributes of a mount that the driver and kubelet add to the parameters.
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

// maxNameLength bounds what is kept of the name of an unknown parameter, in bytes. Longer
// ones are told by their beginning.
const maxNameLength = 100

// KnownAttributes are those of a mount's attributes that it needs: our parameters, what
// kubelet states of the pod, and the names alone of what is unknown, as many as are
// told. A pod's author can add others of any size.
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
