// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"fmt"
	"strings"
)

// Field describes a field of the records.
type Field struct {
	Name string
	// Type is the field's in JSON.
	Type string
	// In are the kinds of records that have it, "all" for all.
	In string
	// Says is what it means, and when it is absent.
	Says string
}

// Fields returns every field, in the order of the records.
func Fields() []Field {
	return []Field{
		{"version", "string", "all", "the version of the interface: `v1`"},
		{"kind", "string", "all",
			"`mount`: a mount that has ended; `more`: further secrets of a mount; `lost`: records that could not be written"},
		{"time", "string", "all", "when the mount ended, or when the loss was reported: UTC, RFC 3339 with milliseconds"},
		{"result", "string", "mount",
			"`ok`, or the kind of the most serious failure: the values of the label `result` in [metrics.md](metrics.md)"},
		{"namespace", "string", "mount, more", "the pod's namespace"},
		{"pod", "string", "mount, more", "the pod's name"},
		{"uid", "string", "mount, more", "the pod's UID"},
		{"serviceAccount", "string", "mount, more", "the pod's service account"},
		{"secretProviderClass", "string", "mount, more", "the class, as namespace/name"},
		{"connection", "string", "mount, more",
			"the connection; several are separated by commas; absent if the pod has its own credentials"},
		{"credential", "string", "mount", "the credential, without any secret part; several are separated by commas"},
		{"secrets", "array of strings", "mount, more",
			"the secrets that were read, as path@version; if the mount failed, those that could be read"},
		{"furtherSecrets", "number", "mount, more",
			"how many secrets follow in records of the kind `more`; absent if none do"},
		{"files", "number", "mount", "how many files the driver got; 0 if the mount failed"},
		{"bytes", "number", "mount", "the size of these files"},
		{"tookSeconds", "number", "mount", "how long the mount took, in seconds"},
		{"stale", "array of strings", "mount",
			"the secrets that were served from memory because OKMS was unavailable, with their ages; at most 50, the last " +
				"entry then says how many more"},
		{"staleBecause", "string", "mount", "why they were"},
		{"fallback", "array of strings", "mount",
			"the secrets that the connection's fallback served, as path@version; at most 50, as in `stale`"},
		{"fallbackConnection", "string", "mount", "the connection that served them"},
		{"fallbackCredential", "string", "mount", "its credential, without any secret part"},
		{"fallbackBecause", "string", "mount", "why the fallback was asked"},
		{"error", "string", "mount, lost",
			"the message of the failure, as the pod's event has it; the last error of the stream"},
		{"reason", "string", "mount", "what only the administrator may know of the failure"},
		{"lostSlow", "number", "lost",
			"how many records were lost since the last report because the stream was too slow; absent if none were"},
		{"lostFailed", "number", "lost", "how many were lost because writing them failed; absent if none were"},
	}
}

// Reference returns the table of fields, in Markdown.
func Reference() string {
	var text strings.Builder
	text.WriteString("| field | type | in | meaning |\n| --- | --- | --- | --- |\n")
	for _, f := range Fields() {
		fmt.Fprintf(&text, "| `%s` | %s | %s | %s |\n", f.Name, f.Type, f.In, f.Says)
	}
	return text.String()
}
