package provider

import (
	"io/fs"
	"slices"
	"strings"

	"ovhcloud-csi-provider/provider/budget"
	"ovhcloud-csi-provider/provider/credential"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/message"
)

// Request is one mount as the driver asks for it.
type Request struct {
	// Attributes are the parameters of the SecretProviderClass, overridden by the
	// pod's volumeAttributes, and what kubelet states of the pod.
	Attributes map[string]string
	// Credentials are those of nodePublishSecretRef. nil if the volume has none.
	Credentials credential.Material
	// Account is what the mount holds of the budget, with the request itself in it. The
	// caller closes it. nil stands for a new one.
	Account *budget.Account
	// Mode is for files whose object states none; 0 means 0644.
	Mode fs.FileMode
}

func (r Request) mode() fs.FileMode {
	if r.Mode == 0 {
		return 0o644
	}
	return r.Mode
}

// Pod is whom a mount is for, as kubelet states it. Fields may be empty.
type Pod struct{ Namespace, Name, UID, ServiceAccount string }

// Pod says whom the mount is for.
func (r Request) Pod() Pod {
	return Pod{Namespace: r.Attributes[attributeNamespace], Name: r.Attributes[attributePod],
		UID: r.Attributes[attributePodUID], ServiceAccount: r.Attributes[attributeAccount]}
}

// Class is the SecretProviderClass as namespace/name, as far as it is stated.
func (r Request) Class() string {
	return message.Bound(r.Attributes[attributeNamespace]+"/"+r.Attributes[attributeClass], 300)
}

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
		case strings.HasPrefix(name, attributePrefix) || name == attributeProvider:
		case unknown <= failure.Most:
			unknown++
			known[strings.Clone(name[:min(len(name), maxNameLength)])] = ""
		}
	}
	return known
}

// NodeFullError is the error of a mount for which there is no room among the others of
// the node. class names its SecretProviderClass, "" if that is not known yet.
func NodeFullError(class string) *failure.Error {
	return &failure.Error{Class: class, Failures: []failure.Failure{busy()}}
}
