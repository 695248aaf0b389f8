// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/klog/v2"

	"ovhcloud-csi-provider/provider"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/plan"
	"ovhcloud-csi-provider/provider/read"
)

// record is what is known of a mount when it has ended. Everything that reports mounts,
// such as the log and the metrics, is made from it. It holds no secret values.
type record struct {
	pod    plan.Pod
	target string // the path of the volume on the node
	class  string // namespace/name
	took   time.Duration

	kind    failure.Kind // of the gravest failure; empty if the mount succeeded
	message string       // of the failure, on one line
	reason  string       // what only the log may show of the failure; may be empty

	connection, credential string
	reads                  []string
	stale                  []string
	staleBecause           string
	fallback               read.FallbackReads

	files int
	bytes int // of the files
}

// recordOf returns the record of a mount that took so long.
func recordOf(req provider.Request, resp provider.Response, err error, took time.Duration) record {
	r := record{
		pod: req.Pod(), target: req.Target, class: req.Class(), took: took,
		connection: resp.Connection, credential: resp.Credential,
		reads: resp.Reads, stale: resp.Stale, staleBecause: resp.StaleBecause, fallback: resp.Fallback,
		files: len(resp.Files),
	}
	for _, f := range resp.Files {
		r.bytes += f.Contents.Len()
	}
	if err != nil {
		r.kind, r.message = kindOf(err), strings.ReplaceAll(err.Error(), "\n", " ")
	}
	if failed := (*failure.Error)(nil); errors.As(err, &failed) {
		r.reason = failed.Hidden()
	}
	return r
}

// mirrored is up to which size Kubernetes takes a Secret, in bytes.
const mirrored = 1 << 20

// logMount writes the audit line of a mount: the pod, and the secrets that it read or the
// reason of the failure. Secrets that do not fit in it are in further lines.
func logMount(r record) {
	if r.kind != "" {
		klog.ErrorS(nil, "mount", r.line()...)
	} else {
		klog.InfoS("mount", r.line()...)
		if r.bytes > mirrored {
			klog.InfoS("the files of this mount exceed 1 MiB: Kubernetes will refuse a Secret that mirrors them all",
				"secretProviderClass", r.class, "bytes", r.bytes)
		}
	}
	if len(r.reads) <= auditList {
		return
	}
	for more := range slices.Chunk(r.reads[auditList:], auditList) {
		klog.InfoS("mount, further secrets", "uid", r.pod.UID, "secretProviderClass", r.class, "secrets", more)
	}
}

// line returns the keys and values of the audit line.
func (r record) line() []any {
	line := []any{"result", result(r.kind), "pod", klog.KRef(r.pod.Namespace, r.pod.Name), "uid", r.pod.UID,
		"serviceAccount", r.pod.ServiceAccount, "secretProviderClass", r.class, "connection", r.connection,
		"credential", r.credential, "secrets", atMost(auditList, r.reads), "files", r.files, "bytes", r.bytes,
		"took", r.took.Round(time.Millisecond)}
	if r.reason != "" {
		line = append(line, "reason", r.reason)
	}
	if len(r.stale) > 0 {
		line = append(line, "stale", atMost(auditList, r.stale), "staleBecause", r.staleBecause)
	}
	if f := r.fallback; len(f.Reads) > 0 {
		line = append(line, "fallback", atMost(auditList, f.Reads), "fallbackConnection", f.Connection,
			"fallbackCredential", f.Credential, "fallbackBecause", f.Because)
	}
	if r.kind != "" {
		line = append(line, "error", r.message)
	}
	return line
}

// auditList is how many entries of a list are in one line of the log: some collectors of
// logs cut or split long lines.
const auditList = 50

// atMost returns the list if it has at most so many entries, else its beginning and a
// last entry with the number of those left out.
func atMost(most int, list []string) []string {
	if len(list) <= most {
		return list
	}
	return append(slices.Clone(list[:most]), fmt.Sprintf("and %d more", len(list)-most))
}
