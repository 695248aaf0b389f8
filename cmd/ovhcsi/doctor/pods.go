// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ovhcloud-csi-provider/cmd/ovhcsi/cluster"
)

// checkPods finds the pods of a DaemonSet that are not ready. It reports whether there is none.
func checkPods(f *facts, r *Report, rule Rule, w workload) (ready bool) {
	ready = true
	for _, pod := range w.pods {
		if text := f.trouble(pod); text != "" {
			ready = false
			r.find(rule, podName(pod), "", "%s%s", onNode(pod), text)
		}
	}
	return ready
}

// podName returns kind, namespace and name of a pod.
func podName(p cluster.Pod) string { return "Pod " + p.Metadata.Namespace + "/" + p.Metadata.Name }

// onNode says where a pod runs; "" if it is not scheduled.
func onNode(p cluster.Pod) string {
	if p.Spec.NodeName == "" {
		return ""
	}
	return "on node " + p.Spec.NodeName + ": "
}

// trouble says why a pod is not ready; "" if it is.
func (f *facts) trouble(p cluster.Pod) string {
	conditions := map[string]cluster.Condition{}
	for _, c := range p.Status.Conditions {
		conditions[c.Type] = c
	}
	if conditions["Ready"].Status == "True" {
		return ""
	}
	if c := conditions["PodScheduled"]; c.Status == "False" {
		return "it is not scheduled: " + redact(c.Message)
	}
	for _, c := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
		if last := c.LastState.Terminated; last != nil && c.RestartCount > 0 && !c.Ready {
			return fmt.Sprintf("container %s was restarted %d times, and ended with exit code %d (%s); "+
				"kubectl logs --previous shows why",
				c.Name, c.RestartCount, last.ExitCode, last.Reason)
		}
		if w := c.State.Waiting; w != nil && w.Reason != "ContainerCreating" && w.Reason != "PodInitializing" {
			return fmt.Sprintf("container %s waits: %s: %s", c.Name, w.Reason, redact(w.Message))
		}
	}
	if e, found := f.lastEvent(p, "Unhealthy", nil); found {
		return "it is not ready: " + redact(e.Message)
	}
	return "it is not ready"
}

// lastEvent returns the newest event of a pod with a reason and a text that about accepts; nil accepts
// all.
func (f *facts) lastEvent(p cluster.Pod, reason string, about func(text string) bool) (last cluster.Event, found bool) {
	for _, e := range f.events[cluster.Ref{Namespace: p.Metadata.Namespace, Name: p.Metadata.Name}] {
		same := e.InvolvedObject.UID == p.Metadata.UID || e.InvolvedObject.UID == ""
		if same && e.Reason == reason && (about == nil || about(e.Message)) && !e.LastTimestamp.Before(last.LastTimestamp) {
			last, found = e, true
		}
	}
	return last, found
}

// factors are the units of a quantity of memory.
var factors = map[string]float64{"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "Ki": 1 << 10, "Mi": 1 << 20,
	"Gi": 1 << 30, "Ti": 1 << 40}

// quantity returns a quantity of Kubernetes as a number, 0 if it is not one of memory.
func quantity(text string) float64 {
	number := strings.TrimRight(text, "kKMGTi")
	n, err := strconv.ParseFloat(number, 64)
	factor, known := factors[text[len(number):]]
	if err != nil || !known {
		return 0
	}
	return n * factor
}
