// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"io/fs"

	"ovhcloud-csi-provider/provider/budget"
	"ovhcloud-csi-provider/provider/credential"
	"ovhcloud-csi-provider/provider/plan"
)

// Request is one mount as the driver asks for it.
type Request struct {
	// Attributes are the parameters of the SecretProviderClass, overridden by the pod's
	// volumeAttributes, and what kubelet says about the pod.
	Attributes map[string]string
	// Credentials are those of nodePublishSecretRef. nil if the volume has none.
	Credentials credential.Material
	// Account is the memory that the mount holds, that of the request included. The caller
	// closes it. nil means a new one.
	Account *budget.Account
	// Mode is for files whose object has none; 0 means 0644.
	Mode fs.FileMode
	// Target is the path of the volume on the node, which no other volume has.
	Target string
}

func (r Request) plan() plan.Request {
	return plan.Request{Attributes: r.Attributes, Credentials: r.Credentials, Mode: r.Mode}
}

// Pod returns the pod of the mount.
func (r Request) Pod() plan.Pod { return r.plan().Pod() }

// Class returns the SecretProviderClass as namespace/name. Either may be empty.
func (r Request) Class() string { return r.plan().Class() }
