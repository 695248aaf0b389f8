// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"ovhcloud-csi-provider/cmd/ovhcsi/cluster"
)

// checkWaiting finds pods that wait for a mount, and says why.
func checkWaiting(f *facts, r *Report) {
	if r.unread(pods, "pods", f.Pods.Err) || r.unread(pods, "events", f.Events.Err) {
		return
	}
	waiting := 0
	for _, u := range f.uses {
		event, found := f.failedMount(u)
		if u.pod.Status.Phase != "Pending" || !found {
			continue
		}
		waiting++
		text, fix, known := causeOf(event.Message, u.pod.Spec.NodeName)
		rule := podWaits
		if !known {
			rule = podWaitsSomehow
		}
		r.find(rule, podName(u.pod), fix, "it waits for volume %q: %s%s", u.volume, text, f.age(event))
	}
	if waiting == 0 && len(f.uses) > 0 {
		r.pass(pods, "none of the pods with secrets waits for a mount (volumes: %d)", len(f.uses))
	}
}

// age says how old the event of a failed mount is, unless it is new: the cause may be gone, since kubelet doubles its
// pause after each failure, up to two minutes.
func (f *facts) age(e cluster.Event) string {
	age := f.now.Sub(e.LastTimestamp).Round(time.Second)
	if e.LastTimestamp.IsZero() || age < 20*time.Second {
		return ""
	}
	return fmt.Sprintf(" (%s ago; kubelet tries again every two minutes or more often)", age)
}

// failedMount returns the newest event about a volume that could not be mounted.
func (f *facts) failedMount(u use) (last cluster.Event, found bool) {
	return f.lastEvent(u.pod, "FailedMount", func(text string) bool {
		return !strings.Contains(text, "for volume ") && !strings.Contains(text,
			"timed out waiting for the condition") ||
			strings.Contains(text, `for volume "`+u.volume+`"`)
	})
}

// recent is how old an event of the driver may be that is told: it tries again every 5 minutes.
const recent = 15 * time.Minute

// checkMirrored finds pods whose Secrets the driver could not create.
func checkMirrored(f *facts, r *Report) {
	if f.Pods.Err != nil || f.Events.Err != nil {
		return // checkWaiting has told
	}
	var told []string
	for _, u := range f.uses {
		event, found := f.lastEvent(u.pod, "FailedToCreateSecret", nil)
		old := !event.LastTimestamp.IsZero() && f.now.Sub(event.LastTimestamp) > recent
		if !found || old || slices.Contains(told, u.pod.Metadata.UID) {
			continue
		}
		told = append(told, u.pod.Metadata.UID)
		r.find(notMirrored, podName(u.pod), "Read docs/mirroring.md",
			"the driver could not create a Secret of class %s: %s",
			u.class.Name, redact(event.Message))
	}
}

// checkRecords finds running pods of whose mount the driver has no record.
func checkRecords(f *facts, r *Report) {
	if r.unread(pods, "SecretProviderClassPodStatuses", f.Mounts.Err) || f.Pods.Err != nil {
		return
	}
	mounted := map[cluster.Ref][]string{}
	for _, m := range f.Mounts.Items {
		if m.Status.Mounted {
			pod := cluster.Ref{Namespace: m.Metadata.Namespace, Name: m.Status.PodName}
			mounted[pod] = append(mounted[pod], m.Status.SecretProviderClassName)
		}
	}
	for _, u := range f.uses {
		pod := cluster.Ref{Namespace: u.pod.Metadata.Namespace, Name: u.pod.Metadata.Name}
		if u.pod.Status.Phase == "Running" && u.exists && !slices.Contains(mounted[pod], u.class.Name) {
			r.find(noRecord, podName(u.pod), "Look into the volume; if it is empty, delete the pod",
				"it runs, and the driver has no record of the mount of class %s: its volume may be empty", u.class.Name)
		}
	}
}
