// Package plan decides how a mount reads its secrets: from which OKMS domain, with which
// credential, whether a connection allows it to the pod, and which fallback it has. It refuses a
// mount before the first read wherever that is possible.
package plan

import (
	"time"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/connections"
	"ovhcloud-csi-provider/provider/credential"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/place"
)

// Plan is a mount that passed all checks that need no call to OKMS. It is immutable.
type Plan struct {
	Origin
	// Fallback is read if the origin fails; nil if there is none. noFallback is the reason if the
	// connection names one that is not usable; else empty.
	Fallback   *Fallback
	noFallback string
	// Objects are those of the class, in its order.
	Objects []class.Object
	// Reads are the distinct reads of the objects, in their order. Objects of one secret and
	// version share a read, so all of them get the same version.
	Reads []okms.Ref
}

// Origin is the domain that secrets are read from, and the credential for it.
type Origin struct {
	Domain     place.Domain
	Credential credential.Credential
	// Connection is the connection's name, "" if the credential came with the mount. In a refused
	// plan the connection may not exist: the name is for the audit line.
	Connection string
	// via is the connection, nil if the credential came with the mount.
	via *connections.Connection
}

// OriginOf returns the origin of a connection and its credential.
func OriginOf(c *connections.Connection, credential credential.Credential) Origin {
	return Origin{Domain: c.Place(), Credential: credential, Connection: c.Name(), via: c}
}

// MaxStale returns the greatest age of a secret that is served if the domain fails: the
// connection's own limit, or daemons, which is the default of the daemon. 0 serves none.
func (o Origin) MaxStale(daemons time.Duration) time.Duration {
	if o.via == nil {
		return daemons
	}
	return o.via.MaxStale(daemons)
}

// Rights are the operator's settings on which credentials may be used, and where.
type Rights struct {
	// Endpoints are the endpoints that the credential of a mount may be sent to.
	Endpoints place.Endpoints
	// Connections are the operator's connections; nil if there are none.
	Connections *connections.Set
}

// Make returns the plan of a mount, and everything that is wrong with it. It calls no server. If
// the list is not empty, only the plan's Connection may be used, for the audit line. now is the
// time that certificates are checked against.
func Make(cl class.Class, req Request, rights Rights, now time.Time) (Plan, *failure.List) {
	c := &failure.List{}
	p := Plan{Origin: Origin{Connection: cl.Connection}, Objects: cl.Objects}
	switch {
	case cl.OwnPlace:
		p.useOwn(req, cl, rights.Endpoints, now, c)
	case !cl.Combined:
		p.useConnection(req, cl, rights.Connections, c)
	}
	known := map[okms.Ref]bool{}
	for _, o := range cl.Objects {
		if !known[o.Ref()] {
			known[o.Ref()] = true
			p.Reads = append(p.Reads, o.Ref())
		}
	}
	return p, c
}
