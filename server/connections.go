package server

import (
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/klog/v2"

	"ovhcloud-csi-provider/provider"
)

// LogReload logs a change of a connection, or of the file that states them, which
// is a Reload without a Connection.
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
		klog.ErrorS(nil, "connections: the file cannot be used, and there was no good one before", append(line, "error", r.Err.Error())...)
	case r.Removed:
		klog.InfoS("connections: taken out of the configuration, nobody can use it now", line...)
	case r.Err == nil:
		klog.InfoS("connections: in use", line...)
	case r.Kept:
		klog.ErrorS(nil, "connections: the newest state is broken, the last good one stays in use", append(line, "error", r.Err.Error())...)
	default:
		klog.ErrorS(nil, "connections: not in use", append(line, "error", r.Err.Error())...)
	}
}

// connectionMetrics tells the state of the connections as it is when asked, so
// that a connection that is gone leaves no label behind.
type connectionMetrics struct {
	status func() provider.ConnectionsStatus
}

var (
	configReloads = prometheus.NewDesc("ovhcloud_csi_config_reloads_total",
		"Changes of the configuration that are in use (ok) or not (broken).", []string{"result"}, nil)
	configCurrent = prometheus.NewDesc("ovhcloud_csi_config_current",
		"1 if the newest state of the configuration is in use, 0 if the last good one is.", nil, nil)
	credentialReloads = prometheus.NewDesc("ovhcloud_csi_credential_reloads_total",
		"Changes of a connection's credential or rules that are in use (ok) or not (broken).", []string{"connection", "result"}, nil)
	credentialCurrent = prometheus.NewDesc("ovhcloud_csi_credential_current",
		"1 if the newest state of a connection's credential is in use, 0 if the last good one or none is.", []string{"connection"}, nil)
	credentialUsable = prometheus.NewDesc("ovhcloud_csi_credential_usable",
		"1 if a connection has a credential, new or old.", []string{"connection"}, nil)
	credentialExpiry = prometheus.NewDesc("ovhcloud_csi_credential_expiry_timestamp_seconds",
		"When the client certificate of a connection expires, or a token that tells, in Unix time.", []string{"connection"}, nil)
)

// Describe implements prometheus.Collector.
func (connectionMetrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{configReloads, configCurrent, credentialReloads, credentialCurrent, credentialUsable, credentialExpiry} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (m connectionMetrics) Collect(out chan<- prometheus.Metric) {
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
