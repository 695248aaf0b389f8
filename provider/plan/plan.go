// Package plan decides where the secrets of a mount come from, and with what right: which
// OKMS domain, which credential, whether a connection allows it to the pod, and who may be
// asked instead. What it can refuse it refuses before anything is read.
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

// Plan is a mount that is known to be right as far as that can be known without
// asking the store. It is immutable.
type Plan struct {
	Origin
	// fallback is who is asked where the origin cannot be reached; nil for nobody.
	// noFallback is why it is nobody though the connection names one.
	Fallback   *Fallback
	noFallback string
	Objects    []class.Object
	// reads are the distinct reads of the objects, in their order. Objects of one
	// secret and version share one read, and so see one version.
	Reads []okms.Ref
}

// Origin is where a mount's secrets come from, and with what right.
type Origin struct {
	Domain     place.Domain
	Credential credential.Credential
	// connection is its name, "" if the credential came with the mount. Where a mount
	// fails it may be one that does not exist, for the audit line.
	Connection string
	// via is the connection, nil if the credential came with the mount.
	via *connections.Connection
}

// OriginOf is the origin that a connection is.
func OriginOf(c *connections.Connection, credential credential.Credential) Origin {
	return Origin{Domain: c.Place(), Credential: credential, Connection: c.Name(), via: c}
}

// MaxStale is how old a secret may be that is served while the domain cannot be
// asked; daemons is the bound of those who have none of their own.
func (o Origin) MaxStale(daemons time.Duration) time.Duration {
	if o.via == nil {
		return daemons
	}
	return o.via.MaxStale(daemons)
}

// Rights is what decides with which credential a mount may read, and where.
type Rights struct {
	// Endpoints says where the credentials of a mount may be sent.
	Endpoints place.Endpoints
	// Connections are the identities of the operator. nil has none.
	Connections *connections.Set
}

// Make decides where the secrets of a class come from, and with what right. It calls no
// server. It returns everything that is refused; of the plan only the name of the
// connection counts then, for the audit line.
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
