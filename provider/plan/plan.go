// SPDX-License-Identifier: Apache-2.0

// Package plan decides how a mount reads its secrets: from which OKMS domain, with which
// credential, whether a connection allows it to the pod, and which fallback it has. It refuses a
// mount before the first read wherever that is possible.
package plan

import (
	"time"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
)

// Plan is a mount that passed all checks that need no call to OKMS. It is immutable.
type Plan struct {
	// Route is that of the objects that name no connection of their own. It is not usable if
	// there is no such object.
	Route
	// others are the routes of objects with a connection of their own, and routes is the number
	// of the route of each connection.
	others []Route
	routes map[string]int
	// Objects are those of the class, in its order.
	Objects []class.Object
	// Renewal says that the pod's volume has files of these objects already.
	Renewal bool
	// Reads are the distinct reads of the objects, in their order. Objects of one secret and
	// version share a read, so all of them get the same version.
	Reads []Read
}

// Make returns the plan of a mount, and everything that is wrong with it. It calls no server. If
// the list is not empty, only the plan's Connection may be used, for the audit line. now is the
// time that certificates are checked against.
func Make(cl class.Class, req Request, rights Rights, now time.Time) (Plan, *failure.List) {
	c := &failure.List{}
	p := Plan{Route: Route{Origin: Origin{Connection: cl.Connection}}, routes: map[string]int{}, Renewal: req.Renewal}
	own, others := byConnection(cl)
	switch {
	case own == nil:
	case cl.OwnPlace:
		p.useOwn(req, cl, rights.Endpoints, now, c)
	case !cl.Combined:
		p.Route = own.route(req, rights.Connections, c)
	}
	for _, u := range others {
		p.others = append(p.others, u.route(req, rights.Connections, c))
		p.routes[u.connection] = len(p.others)
	}
	return p.With(cl.Objects), c
}

// With returns the plan with other objects, and their reads.
func (p Plan) With(objects []class.Object) Plan {
	p.Objects, p.Reads = objects, make([]Read, 0, len(objects))
	known := make(map[Read]bool, len(objects))
	for _, o := range objects {
		for n := range o.Count() {
			if read := p.ReadOf(o, n); !known[read] {
				known[read] = true
				p.Reads = append(p.Reads, read)
			}
		}
	}
	return p
}

// RouteAt returns the route with a number.
func (p Plan) RouteAt(number int) Route {
	if number == 0 {
		return p.Route
	}
	return p.others[number-1]
}

// RouteOf returns an object's route.
func (p Plan) RouteOf(o class.Object) Route { return p.RouteAt(p.routes[o.Connection]) }

// Read is one read of a plan: what, and by which of its routes. The plan's own is 0.
type Read struct {
	Route int
	Ref   okms.Ref
}

// ReadOf returns the read of the part of an object with a number.
func (p Plan) ReadOf(o class.Object, n int) Read { return p.Read(o.Part(n)) }

// Read returns the first read of an object: that of its only secret, or of a list.
func (p Plan) Read(o class.Object) Read { return Read{Route: p.routes[o.Connection], Ref: o.Ref()} }
