package provider

import (
	"io/fs"

	"ovhcloud-csi-provider/provider/budget"
	"ovhcloud-csi-provider/provider/credential"
	"ovhcloud-csi-provider/provider/plan"
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

func (r Request) plan() plan.Request {
	return plan.Request{Attributes: r.Attributes, Credentials: r.Credentials, Mode: r.Mode}
}

// Pod returns whom the mount is for.
func (r Request) Pod() plan.Pod { return r.plan().Pod() }

// Class returns the SecretProviderClass as namespace/name, as far as it is stated.
func (r Request) Class() string { return r.plan().Class() }
