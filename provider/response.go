// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"strings"

	"ovhcloud-csi-provider/provider/plan"
	"ovhcloud-csi-provider/provider/read"
	"ovhcloud-csi-provider/provider/render"
)

// Response is everything that the driver writes. Versions has one entry for each file, and
// one for each optional object that does not exist.
type Response struct {
	Files    []render.File
	Versions []render.Version
	// Connection is the name of the connection that was asked for, and Credential names the
	// credential that was used, without any secret part. Both may also be set if the mount
	// fails. If objects have connections of their own, they list all.
	Connection, Credential string
	// Reads are the secrets that were read, as path@version, for the audit line. If the
	// mount fails, they are those that could be read.
	Reads []string
	// Stale are those of Reads for which OKMS could not be asked, as "path@version read
	// 5m0s ago", and StaleBecause is why.
	Stale        []string
	StaleBecause string
	// Fallback is what the connection's fallback served.
	Fallback read.FallbackReads
	// Sent must be called when the caller has the files, or will not get them: their memory
	// is counted until then. It is nil if there are none.
	Sent func()
}

// identify adds how the secrets of a plan are read, for the audit line.
func (r *Response) identify(pl plan.Plan) {
	var connections, credentials []string
	for _, route := range pl.Used() {
		if route.Connection != "" {
			connections = append(connections, route.Connection)
		}
		credentials = append(credentials, route.Credential.String())
	}
	r.Connection, r.Credential = strings.Join(connections, ","), strings.Join(credentials, ",")
}

// note adds what the reads of a mount came to, for the audit line.
func (r *Response) note(pl plan.Plan, got read.Results) {
	r.Reads, r.Fallback = got.Reads(pl), got.Fallback(pl)
	r.Stale, r.StaleBecause = got.Stale(pl)
}
