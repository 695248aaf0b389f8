// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"slices"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/rules"
)

// Route is how secrets are read: from an origin, or from its fallback if the origin fails.
type Route struct {
	Origin
	// Fallback is nil if there is none. noFallback is the reason if the connection names one that
	// is not usable; else empty.
	Fallback   *Fallback
	noFallback string
	// grant is what the connection allows to the pod; nil if the credential came with the mount.
	grant *rules.Grant
}

// Allows reports whether the pod may read the secret at a path. Make has checked the paths of the
// class; those that the store lists are checked here.
func (r Route) Allows(path string) bool { return r.grant == nil || r.grant.Allows(path) }

// WithoutFallback returns why the fallback of the route's connection may not be read;
// "" if it may, or if the connection names none. It is for the log only.
func (r Route) WithoutFallback(ref okms.Ref) string {
	if r.Fallback != nil && !r.Fallback.Allows(ref) {
		return fmt.Sprintf("the fallback %q does not allow the path to the pod", r.Fallback.Connection)
	}
	return r.noFallback
}

// Used returns the routes of the plan's reads, each once.
func (p Plan) Used() (routes []Route) {
	known := map[int]bool{}
	for _, read := range p.Reads {
		if !known[read.Route] {
			known[read.Route] = true
			routes = append(routes, p.RouteAt(read.Route))
		}
	}
	return routes
}

// use is the objects of a class that read over one connection.
type use struct {
	connection string
	objects    []class.Object
	// from is the first object that names the connection; nil if the class does.
	from *class.Object
}

// byConnection returns the objects that read as the class says, and the others by the connection
// that they name. own is nil if every object names one.
func byConnection(cl class.Class) (own *use, others []*use) {
	if !slices.ContainsFunc(cl.Objects, func(o class.Object) bool { return o.Connection != "" }) {
		return &use{connection: cl.Connection, objects: cl.Objects}, nil
	}
	byName := map[string]*use{}
	for i, o := range cl.Objects {
		u := byName[o.Connection]
		switch {
		case u != nil:
		case o.Connection == "":
			own = &use{connection: cl.Connection}
			u = own
		default:
			u = &use{connection: o.Connection, from: &cl.Objects[i]}
			others = append(others, u)
		}
		byName[o.Connection] = u
		u.objects = append(u.objects, o)
	}
	return own, others
}

// put adds a failure that is about the connection.
func (u *use) put(f failure.Failure, c *failure.List) {
	f.Object, f.Where = failure.WholeClass, "parameters."+class.ParamConnection
	if u.from != nil {
		f.Object, f.Where = u.from.Number, fmt.Sprintf("objects[%d].connection", u.from.Number)
		c.At(u.from.LineOf("connection"))
		defer c.At(0)
	}
	c.Put(f)
}
