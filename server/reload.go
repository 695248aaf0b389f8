package server

import (
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/klog/v2"

	"ovhcloud-csi-provider/provider"
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
		klog.ErrorS(nil, "connections: the file is invalid, and no earlier version of it is in use", append(line, "error", r.Err.Error())...)
	case r.Removed:
		klog.InfoS("connections: removed from the configuration, no mount can use it now", line...)
	case r.Err == nil:
		klog.InfoS("connections: in use", line...)
	case r.Kept:
		klog.ErrorS(nil, "connections: the newest version is invalid, the last valid one stays in use", append(line, "error", r.Err.Error())...)
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
	configReloads = prometheus.NewDesc("ovhcloud_csi_config_reloads_total",
		"Reloads of the configuration by result: ok is in use, broken is invalid and not in use.", []string{"result"}, nil)
	configCurrent = prometheus.NewDesc("ovhcloud_csi_config_current",
		"1 if the newest version of the configuration is in use, 0 if the last valid one is.", nil, nil)
	credentialReloads = prometheus.NewDesc("ovhcloud_csi_credential_reloads_total",
		"Reloads of a connection's credential or rules by result: ok is in use, broken is invalid and not in use.", []string{"connection", "result"}, nil)
	credentialCurrent = prometheus.NewDesc("ovhcloud_csi_credential_current",
		"1 if the newest version of a connection's credential is in use, 0 if the last valid one or none is.", []string{"connection"}, nil)
	credentialUsable = prometheus.NewDesc("ovhcloud_csi_credential_usable",
		"1 if a connection has a credential, the newest or an older one.", []string{"connection"}, nil)
	credentialExpiry = prometheus.NewDesc("ovhcloud_csi_credential_expiry_timestamp_seconds",
		"When the client certificate of a connection expires, or a token that states its expiry, in Unix time.", []string{"connection"}, nil)
)

// Describe implements prometheus.Collector.
func (*connectionMetrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{configReloads, configCurrent, credentialReloads, credentialCurrent, credentialUsable, credentialExpiry} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (m *connectionMetrics) Collect(out chan<- prometheus.Metric) {
	if m.status == nil {
		return
	}
	send := func(d *prometheus.Desc, t prometheus.ValueType, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, t, value, labels...)
	}
	s := m.status()
	send(configReloads, prometheus.CounterValue, float64(s.Good), "ok")
	send(configReloads, prometheus.CounterValue, float64(s.Bad), "broken")
	send(configCurrent, prometheus.GaugeValue, truth(s.Problem == nil))
	for _, c := range s.Connections {
		send(credentialReloads, prometheus.CounterValue, float64(c.Good), c.Name, "ok")
		send(credentialReloads, prometheus.CounterValue, float64(c.Bad), c.Name, "broken")
		send(credentialCurrent, prometheus.GaugeValue, truth(c.Problem == nil), c.Name)
		send(credentialUsable, prometheus.GaugeValue, truth(c.Usable), c.Name)
		if !c.Expires.IsZero() {
			send(credentialExpiry, prometheus.GaugeValue, float64(c.Expires.Unix()), c.Name)
		}
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
