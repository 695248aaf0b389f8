package provider

import (
	"ovhcloud-csi-provider/provider/plan"
	"ovhcloud-csi-provider/provider/read"
	"ovhcloud-csi-provider/provider/render"
)

// Response is everything that the driver shall write. Versions holds one entry
// for each file, and one for each optional object that does not exist.
type Response struct {
	Files    []render.File
	Versions []render.Version
	// Connection is the name of the connection that was asked for, and Credential
	// names the credential that was used, without telling it. Both may be there
	// where a mount fails.
	Connection, Credential string
	// Reads are the secrets that were read, as path@version, for the audit line.
	// Where a mount fails, those stand here that could be read all the same.
	Reads []string
	// Stale are those of Reads that OKMS could not be asked for, as "path@version
	// read 5m0s ago"; StaleBecause is why.
	Stale        []string
	StaleBecause string
	// Fallback is what the connection's fallback gave.
	Fallback read.FallbackReads
	// Sent is to be called when the caller has the files, or will not get them: their
	// memory is counted until then. It is nil where there are none.
	Sent func()
}

// tell takes in what the reads of a mount came to, for the audit line.
func (r *Response) tell(pl plan.Plan, got read.Results) {
	r.Reads, r.Fallback = got.Reads(pl), got.Fallback(pl)
	r.Stale, r.StaleBecause = got.Stale(pl)
}
