// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"

	"ovhcloud-csi-provider/provider/connections"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/rules"
)

// Fallback is the connection that is read if the mount's own connection fails.
type Fallback struct {
	Origin
	// Grant is what the fallback allows to the mount's pod.
	Grant rules.Grant
}

// Allows reports whether the fallback may be read for the mount's pod.
func (f *Fallback) Allows(ref okms.Ref) bool {
	if ref.What == okms.Folder {
		return f.Grant.AllowsBelow(ref.Path)
	}
	return f.Grant.Allows(ref.Path)
}

// fallbackOf returns the fallback of an origin's connection for a pod. f is nil if the connection
// has none, or if it is not usable at the moment; why is the reason then, for the log only. A
// fallback that is not usable never fails the mount. A fallback's own fallback is not followed.
func fallbackOf(first Origin, connections *connections.Set, pod Pod) (f *Fallback, why string) {
	name := first.via.Fallback()
	if name == "" {
		return nil, ""
	}
	second := connections.Find(name)
	if second == nil {
		return nil, fmt.Sprintf("there is no connection %q, which is the fallback", name)
	}
	credential, err := second.Credential()
	if err != nil {
		return nil, fmt.Sprintf("the fallback %q has no usable credential: %v", name, err)
	}
	f = &Fallback{Origin: OriginOf(second, credential), Grant: second.Grant(pod.Namespace, pod.ServiceAccount)}
	// The file cannot have both in one domain. But if a new credential is invalid, its connection
	// keeps its old domain.
	same := f.Domain.Endpoint == first.Domain.Endpoint && f.Domain.ID == first.Domain.ID
	switch {
	case !f.Grant.Any():
		return nil, fmt.Sprintf("no rule of the fallback %q matches the namespace and service account", name)
	case same:
		return nil, fmt.Sprintf("the fallback %q reads the same domain at the moment", name)
	}
	return f, ""
}
