package plan

import (
	"cmp"
	"io/fs"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/credential"
	"ovhcloud-csi-provider/provider/message"
)

// Request is one mount as the driver asks for it.
type Request struct {
	// Attributes are the parameters of the SecretProviderClass, overridden by the pod's
	// volumeAttributes, and what kubelet says about the pod.
	Attributes map[string]string
	// Credentials are those of nodePublishSecretRef. nil if the volume has none.
	Credentials credential.Material
	// Mode is for files whose object has none; 0 means 0644.
	Mode fs.FileMode
}

// Given returns what the class needs to know of the mount.
func (r Request) Given() class.Given {
	return class.Given{Credentials: len(r.Credentials) > 0, Mode: cmp.Or(r.Mode, 0o644)}
}

// Pod is the pod of a mount, as kubelet describes it. Fields may be empty.
type Pod struct{ Namespace, Name, UID, ServiceAccount string }

// Pod returns the pod of the mount.
func (r Request) Pod() Pod {
	return Pod{Namespace: r.Attributes[class.AttributeNamespace], Name: r.Attributes[class.AttributePod],
		UID: r.Attributes[class.AttributePodUID], ServiceAccount: r.Attributes[class.AttributeAccount]}
}

// Class returns the SecretProviderClass as namespace/name. Either may be empty.
func (r Request) Class() string {
	return message.Bound(r.Attributes[class.AttributeNamespace]+"/"+r.Attributes[class.AttributeClass], 300)
}
