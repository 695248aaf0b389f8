// SPDX-License-Identifier: Apache-2.0

package server

import (
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/klog/v2"

	"ovhcloud-csi-provider/provider"
	"ovhcloud-csi-provider/server/series"
)

// LogReload logs a change of a connection. A Reload without a Connection is a change of
// the file that defines them.
func LogReload(r provider.Reload) {
	var line []any
	if r.Connection != "" {
		line = append(line, "connection", r.Connection)
	}
	line = append(line, "source", r.Source)
	if r.Credential != "" {
		line = append(line, "credential", r.Credential)
	}
	switch {
	case r.Connection == "" && r.Err != nil && !r.Kept:
		klog.ErrorS(nil, "connections: the file is invalid, and no earlier version of it is in use",
			append(line, "error", r.Err.Error())...)
	case r.Removed:
		klog.InfoS("connections: removed from the configuration, no mount can use it now", line...)
	case r.Err == nil:
		klog.InfoS("connections: in use", line...)
	case r.Kept:
		klog.ErrorS(nil, "connections: the newest version is invalid, the last valid one stays in use",
			append(line, "error", r.Err.Error())...)
	default:
		klog.ErrorS(nil, "connections: not in use", append(line, "error", r.Err.Error())...)
	}
}

// connectionMetrics collects the state of the connections when /metrics is read, so that
// a removed connection leaves no label behind.
type connectionMetrics struct {
	status func() provider.ConnectionsStatus // nil if the provider has no connections
}

var (
	configReloads     = series.ConfigReloads.Collected()
	configCurrent     = series.ConfigCurrent.Collected()
	credentialReloads = series.Reloads.Collected()
	credentialCurrent = series.Current.Collected()
	credentialUsable  = series.Usable.Collected()
	credentialExpiry  = series.Expiry.Collected()
)

// Describe implements prometheus.Collector.
func (*connectionMetrics) Describe(out chan<- *prometheus.Desc) {
	for _, m := range []series.Collected{configReloads, configCurrent, credentialReloads, credentialCurrent,
		credentialUsable, credentialExpiry} {
		m.Describe(out)
	}
}

// Collect implements prometheus.Collector.
func (m *connectionMetrics) Collect(out chan<- prometheus.Metric) {
	if m.status == nil {
		return
	}
	s := m.status()
	configReloads.Send(out, float64(s.Good), "ok")
	configReloads.Send(out, float64(s.Bad), "broken")
	configCurrent.Send(out, truth(s.Problem == nil))
	for _, c := range s.Connections {
		credentialReloads.Send(out, float64(c.Good), c.Name, "ok")
		credentialReloads.Send(out, float64(c.Bad), c.Name, "broken")
		credentialCurrent.Send(out, truth(c.Problem == nil), c.Name)
		credentialUsable.Send(out, truth(c.Usable), c.Name)
		if !c.Expires.IsZero() {
			credentialExpiry.Send(out, float64(c.Expires.Unix()), c.Name)
		}
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
