// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"time"

	"ovhcloud-csi-provider/provider/connections"
	"ovhcloud-csi-provider/provider/credential"
	"ovhcloud-csi-provider/provider/place"
)

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

// Rights are the administrator's settings on which credentials may be used, and where.
type Rights struct {
	// Endpoints are the endpoints that the credential of a mount may be sent to.
	Endpoints place.Endpoints
	// Connections are the administrator's connections; nil if there are none.
	Connections *connections.Set
}
