// Package plan decides where the secrets of a mount come from, and with what right: which
// OKMS domain, which credential, whether a connection allows it to the pod, and which
// fallback may be asked. What it can reject it rejects before anything is read.
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

// Plan is a mount that is valid as far as that is known without asking the store. It is
// immutable.
type Plan struct {
	Origin
	// Fallback is asked if the origin cannot be; nil if there is none. noFallback is why
	// there is none although the connection names one.
	Fallback   *Fallback
	noFallback string
	Objects    []class.Object
	// Reads are the distinct reads of the objects, in their order. Objects of one secret
	// and version share one read, and so see the same version.
	Reads []okms.Ref
}

// Origin is where secrets come from, and with what right.
type Origin struct {
	Domain     place.Domain
	Credential credential.Credential
	// Connection is the name of the connection, "" if the credential came with the mount.
	// If the mount fails, the connection may not exist; the name is for the audit line.
	Connection string
	// via is the connection, nil if the credential came with the mount.
	via *connections.Connection
}

// OriginOf returns the origin of a connection.
func OriginOf(c *connections.Connection, credential credential.Credential) Origin {
	return Origin{Domain: c.Place(), Credential: credential, Connection: c.Name(), via: c}
}

// MaxStale returns how old a secret may be that is served while the domain cannot be asked.
// daemons is the limit for origins that have none of their own.
func (o Origin) MaxStale(daemons time.Duration) time.Duration {
	if o.via == nil {
		return daemons
	}
	return o.via.MaxStale(daemons)
}

// Rights decide with which credentials a mount may read, and where.
type Rights struct {
	// Endpoints says where the credentials of a mount may be sent.
	Endpoints place.Endpoints
	// Connections are the identities of the operator. nil has none.
	Connections *connections.Set
}

// Make decides where the secrets of a class come from, and with what right. It does no I/O.
// It returns everything that is rejected; the only valid part of the plan is then the name
// of the connection, for the audit line.
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
