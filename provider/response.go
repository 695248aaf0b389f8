package provider

import (
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
	// fails.
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

// note adds what the reads of a mount came to, for the audit line.
func (r *Response) note(pl plan.Plan, got read.Results) {
	r.Reads, r.Fallback = got.Reads(pl), got.Fallback(pl)
	r.Stale, r.StaleBecause = got.Stale(pl)
}
