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
)

// audit logs the one line that each mount has: who got what, or why not. What it has
// no room for stands in lines behind it.
func audit(req provider.Request, resp provider.Response, err error, took time.Duration) {
	defer auditRest(req, resp)
	pod := req.Pod()
	size := 0
	for _, f := range resp.Files {
		size += f.Contents.Len()
	}
	line := []any{"result", result(kindOrEmpty(err)), "pod", klog.KRef(pod.Namespace, pod.Name), "uid", pod.UID, "serviceAccount", pod.ServiceAccount,
		"secretProviderClass", req.Class(), "connection", resp.Connection, "credential", resp.Credential, "secrets", atMost(auditList, resp.Reads),
		"files", len(resp.Files), "bytes", size, "took", took.Round(time.Millisecond)}
	if failed := (*failure.Error)(nil); errors.As(err, &failed) && failed.Hidden() != "" {
		line = append(line, "reason", failed.Hidden())
	}
	if len(resp.Stale) > 0 {
		line = append(line, "stale", atMost(auditList, resp.Stale), "staleBecause", resp.StaleBecause)
	}
	if f := resp.Fallback; len(f.Reads) > 0 {
		line = append(line, "fallback", atMost(auditList, f.Reads), "fallbackConnection", f.Connection, "fallbackCredential", f.Credential, "fallbackBecause", f.Because)
	}
	if err != nil {
		// As a string of one line: klog breaks those of errors.
		klog.ErrorS(nil, "mount", append(line, "error", strings.ReplaceAll(err.Error(), "\n", " "))...)
		return
	}
	klog.InfoS("mount", line...)
	if size > 1<<20 {
		klog.InfoS("the files of this mount exceed 1 MiB: Kubernetes will refuse a Secret that mirrors them all", "secretProviderClass", req.Class(), "bytes", size)
	}
}

// auditList is how many of a list stand in one line of the log: some collectors of
// logs cut or split long lines.
const auditList = 50

// atMost bounds a list and says what it leaves out.
func atMost(most int, list []string) []string {
	if len(list) <= most {
		return list
	}
	return append(slices.Clone(list[:most]), fmt.Sprintf("and %d more", len(list)-most))
}

// auditRest logs the secrets of a mount that had no room in its line.
func auditRest(req provider.Request, resp provider.Response) {
	if len(resp.Reads) <= auditList {
		return
	}
	for more := range slices.Chunk(resp.Reads[auditList:], auditList) {
		klog.InfoS("mount, further secrets", "uid", req.Pod().UID, "secretProviderClass", req.Class(), "secrets", more)
	}
}
