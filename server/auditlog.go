// SPDX-License-Identifier: Apache-2.0

package server

import (
	"io"
	"time"

	"ovhcloud-csi-provider/server/audit"
)

// auditTo returns an observer that writes the audit records of mounts to out, which must not
// block.
func auditTo(out io.Writer, now func() time.Time) func(record) {
	return func(r record) {
		for _, line := range audit.Lines(r.audit(), now()) {
			_, _ = out.Write(line) // out counts what it loses
		}
	}
}

// audit returns the record as the interface has it.
func (r record) audit() audit.Record {
	took := r.took.Seconds()
	return audit.Record{
		Result: result(r.kind), Namespace: r.pod.Namespace, Pod: r.pod.Name, UID: r.pod.UID,
		ServiceAccount:      r.pod.ServiceAccount,
		SecretProviderClass: r.class, Connection: r.connection, Credential: r.credential,
		Secrets: r.reads, Files: &r.files, Bytes: &r.bytes, TookSeconds: &took,
		Stale: atMost(auditList, r.stale), StaleBecause: r.staleBecause,
		Fallback: atMost(auditList, r.fallback.Reads), FallbackConnection: r.fallback.Connection,
		FallbackCredential: r.fallback.Credential, FallbackBecause: r.fallback.Because,
		Error: r.message, Reason: r.reason,
	}
}
