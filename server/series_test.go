// SPDX-License-Identifier: Apache-2.0

package server

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider"
	"ovhcloud-csi-provider/provider/budget"
	"ovhcloud-csi-provider/provider/config"
	"ovhcloud-csi-provider/provider/connections"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/read"
	"ovhcloud-csi-provider/server/series"
)

// hostileNames are names that no object of Kubernetes has.
var hostileNames = []string{"", "/", "a", "a/\xff", "a/\xfe", "a/\n\"}", "\x00/\x00", "a/" + strings.Repeat("é", 120),
	strings.Repeat("x", 1<<20),
	"a/b\u2028", `a/\`, "ovhcloud_csi_x{y=\"z\"} 1\n"}

// besiege gives m whatever pods and stores can send: 10,000 classes, and every status.
func besiege(m *Metrics) {
	kinds := append(failure.Kinds(), "")
	for _, name := range hostileNames {
		m.mountBegins()
		m.observeMount(record{class: name})
	}
	for i := range 10_000 {
		m.mountBegins()
		m.observeMount(record{class: fmt.Sprintf("ns-%d/class-%d", i%3000, i), kind: kinds[i%len(kinds)],
			took: time.Duration(i) * time.Millisecond})
	}
	trace := m.Trace()
	for status := range 1200 {
		for _, c := range []provider.Call{{API: "kv2", Operation: "read"}, {API: "kv2", Operation: "versions"},
			{API: "kv2", Operation: "list"},
			{API: "rest", Operation: "read"}, {API: "rest", Operation: "versions"}, {API: "rest", Operation: "list"},
			{API: "oauth2", Operation: "token"}} {
			c.Status, c.Dialled, c.Took, c.Host, c.Path, c.RequestID = status-100, true, time.Second, "hostile", "path",
				fmt.Sprint(status)
			trace.Call(nil, c)
		}
	}
	trace.Age(nil, time.Hour)
	for _, o := range read.Outcomes() {
		trace.Read(nil, o)
	}
	for _, k := range failure.Kinds() {
		trace.Retry(nil, k)
		m.refused(k)
	}
}

// fullOfConnections returns as many connections as a file can have.
func fullOfConnections() (s provider.ConnectionsStatus) {
	for i := range config.MaxConnections {
		s.Connections = append(s.Connections,
			connections.ConnectionStatus{Name: fmt.Sprint("c", i), Expires: time.Unix(1, 0)})
	}
	return s
}

// TestNoNodeHasMoreSeriesThanDocumented: the bound of each metric is in docs/metrics.md.
func TestNoNodeHasMoreSeriesThanDocumented(t *testing.T) {
	m := NewMetrics("1")
	m.connectionStates.status = fullOfConnections
	m.state.budget, m.state.breakers = budget.New(0), func() (int, int) { return 4096, 4096 }
	besiege(m)
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, f := range families {
		for _, one := range f.GetMetric() {
			got[f.GetName()]++
			if h := one.GetHistogram(); h != nil {
				got[f.GetName()] += len(h.GetBucket()) + 2 // +Inf, sum and count: one is counted
			}
		}
	}
	for _, described := range series.All() {
		n := got[described.Name]
		if n > described.Most() {
			t.Errorf("%s has %d series, at most %d are documented", described.Name, n, described.Most())
		}
		if n < described.Most()*9/10 {
			t.Errorf("%s has %d series: this test does not reach the documented bound, %d", described.Name, n, described.Most())
		}
	}
	others := 0
	for name, n := range got {
		if !strings.HasPrefix(name, "ovhcloud_csi_") {
			others += n
		}
	}
	if others > 100 {
		t.Errorf("%d series of Go and of the process; docs/metrics.md says 100", others)
	}
	wantPage(t, m, `ovhcloud_csi_mounts_in_flight 0`) // the page is complete, whatever the names
}
