package plan

import (
	"fmt"

	"ovhcloud-csi-provider/provider/connections"
	"ovhcloud-csi-provider/provider/rules"
)

// Fallback is the connection that is asked if a mount's own connection cannot be.
type Fallback struct {
	Origin
	Grant rules.Grant // to the mount's pod
}

// fallbackOf returns the fallback of a connection for a pod. It returns nil if there is
// none or it cannot be used at the moment, and why, which is only for the log. Problems of
// the fallback do not fail the mount. The fallback of the fallback is not used.
func fallbackOf(first Origin, connections *connections.Set, pod Pod) (f *Fallback, why string) {
	name := first.via.Fallback()
	if name == "" {
		return nil, ""
	}
	second := connections.Find(name)
	if second == nil {
		return nil, fmt.Sprintf("the fallback %q is no connection", name)
	}
	credential, err := second.Credential()
	if err != nil {
		return nil, fmt.Sprintf("the fallback %q has no usable credential: %v", name, err)
	}
	f = &Fallback{Origin: OriginOf(second, credential), Grant: second.Grant(pod.Namespace, pod.ServiceAccount)}
	// The file may not say so, but an old place of one may still be in use.
	same := f.Domain.Endpoint == first.Domain.Endpoint && f.Domain.ID == first.Domain.ID
	switch {
	case !f.Grant.Any():
		return nil, fmt.Sprintf("no rule of the fallback %q matches the namespace and service account", name)
	case same:
		return nil, fmt.Sprintf("the fallback %q is of the same domain at the moment", name)
	}
	return f, ""
}

// WithoutFallback returns why the fallback of the plan's connection is not asked for a
// secret, "" if it is or if there is none. It is only for the log.
func (p Plan) WithoutFallback(path string) string {
	if p.Fallback != nil && !p.Fallback.Grant.Allows(path) {
		return fmt.Sprintf("the fallback %q does not allow the path to the pod", p.Fallback.Connection)
	}
	return p.noFallback
}
