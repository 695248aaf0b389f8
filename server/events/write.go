// SPDX-License-Identifier: Apache-2.0

package events

import (
	"context"
	"net/http"
	"time"

	"k8s.io/klog/v2"

	"ovhcloud-csi-provider/server/kube"
)

// The reasons of the events, by which people select them.
const (
	ReasonFailed  = "SecretsNotRenewed"
	ReasonRenewed = "SecretsRenewed"
)

// component is the source of the events.
const component = "ovhcloud-csi-provider"

// event is an Event of the core API, with the fields that are written.
type event struct {
	APIVersion     string `json:"apiVersion"`
	Kind           string `json:"kind"`
	Metadata       meta   `json:"metadata"`
	InvolvedObject object `json:"involvedObject"`
	Source         source `json:"source"`
	Type           string `json:"type"`
	Reason         string `json:"reason"`
	Message        string `json:"message"`
	Count          int    `json:"count"`
	First          string `json:"firstTimestamp"`
	Last           string `json:"lastTimestamp"`
	Reporter       string `json:"reportingComponent"`
	ReporterName   string `json:"reportingInstance"`
}

type (
	meta struct {
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
	}
	object struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Namespace  string `json:"namespace"`
		Name       string `json:"name"`
		UID        string `json:"uid"`
	}
	source struct {
		Component string `json:"component"`
		Host      string `json:"host,omitempty"`
	}
)

// sender writes events, and bounds how often the API server is asked.
type sender struct {
	api     *kube.API
	node    string
	backoff kube.Backoff
	tokens  int
	filled  time.Time // until when tokens are counted
	failing string    // the last error that was logged, "" after a success
}

func newSender(api *kube.API, node string) *sender {
	return &sender{api: api, node: node, backoff: kube.Backoff{Most: mostBackoff}, tokens: burst, filled: time.Now()}
}

// turn waits until an event may be written. It returns false if ctx ended before.
func (s *sender) turn(ctx context.Context) bool {
	for {
		passed := int(time.Since(s.filled) / interval)
		s.filled = s.filled.Add(time.Duration(passed) * interval)
		if s.tokens = min(burst, s.tokens+passed); s.tokens > 0 {
			s.tokens--
			return ctx.Err() == nil
		}
		if !kube.Sleep(ctx, time.Until(s.filled.Add(interval))) {
			return false
		}
	}
}

// report logs when writing events begins to fail, and when it works again.
func (s *sender) report(err error) {
	switch {
	case err != nil && err.Error() != s.failing:
		s.failing = err.Error()
		line := []any{"error", s.failing}
		if kube.Is(err, http.StatusForbidden) {
			line = append(line, "advice",
				"allow the provider's service account to create and patch events, or turn --events off")
		}
		klog.ErrorS(nil, "events of pods cannot be written", line...)
	case err == nil && s.failing != "":
		s.failing = ""
		klog.InfoS("events of pods are written again")
	}
	if err == nil {
		s.backoff.Reset()
	}
}

// write sends an event to the API server.
func (s *sender) write(ctx context.Context, n *notice) error {
	list := "/api/v1/namespaces/" + n.namespace + "/events"
	now := time.Now().UTC().Format(time.RFC3339)
	if n.exists {
		err := s.api.Patch(ctx, list+"/"+n.event,
			map[string]any{"count": n.failures, "lastTimestamp": now, "message": n.text()})
		if !kube.Is(err, http.StatusNotFound) { // Kubernetes deletes events after an hour
			return err
		}
	}
	err := s.api.Create(ctx, list, n.object(s.node, now))
	if kube.Is(err, http.StatusConflict) {
		return nil // it was created by an earlier request, whose answer was lost
	}
	return err
}

// object returns the Event.
func (n *notice) object(node, now string) event {
	e := event{
		APIVersion: "v1", Kind: "Event", Metadata: meta{n.event, n.namespace},
		InvolvedObject: object{"v1", "Pod", n.namespace, n.pod, n.uid},
		Source:         source{component, node}, Reporter: component, ReporterName: node,
		Type: "Warning", Reason: ReasonFailed, Message: n.text(), Count: max(1, n.failures),
		First: n.since.UTC().Format(time.RFC3339), Last: now,
	}
	if n.kind == "" {
		e.Type, e.Reason = "Normal", ReasonRenewed
	}
	return e
}
