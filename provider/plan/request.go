// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"cmp"
	"io/fs"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/credential"
	"ovhcloud-csi-provider/provider/message"
)

// Request is one mount request of the driver.
type Request struct {
	// Attributes are the parameters of the SecretProviderClass, overridden by the pod's
	// volumeAttributes, and kubelet's attributes of the pod.
	Attributes map[string]string
	// Credentials are the Secret of nodePublishSecretRef; nil if the volume has none.
	Credentials credential.Material
	// Mode is the mode of files whose object has none; 0 means 0644.
	Mode fs.FileMode
	// Renewal says that the last mount of the same volume with the same attributes succeeded.
	Renewal bool
}

// Given returns the properties of the mount that the class depends on.
func (r Request) Given() class.Given {
	return class.Given{Credentials: len(r.Credentials) > 0, Mode: cmp.Or(r.Mode, 0o644)}
}

// Pod is the pod of a mount, by kubelet's attributes. Each field may be empty.
type Pod struct{ Namespace, Name, UID, ServiceAccount string }

// Pod returns the pod of the mount.
func (r Request) Pod() Pod {
	return Pod{Namespace: r.Attributes[class.AttributeNamespace], Name: r.Attributes[class.AttributePod],
		UID: r.Attributes[class.AttributePodUID], ServiceAccount: r.Attributes[class.AttributeAccount]}
}

// Class returns the SecretProviderClass as namespace/name, in at most 300 bytes. Each part is empty
// if kubelet or the driver did not give it.
func (r Request) Class() string {
	return message.Bound(r.Attributes[class.AttributeNamespace]+"/"+r.Attributes[class.AttributeClass], 300)
}
