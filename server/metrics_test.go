package server

import (
	"maps"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"ovhcloud-csi-provider/server/lines"
)

func TestEveryMetricIsInTheDocs(t *testing.T) {
	described := make(chan *prometheus.Desc)
	go func() {
		defer close(described)
		NewMetrics("1").registry.Describe(described)
	}()
	here := map[string]bool{}
	for d := range described {
		if m := regexp.MustCompile(`fqName: "(ovhcloud_csi_[a-z_]+)"`).FindStringSubmatch(d.String()); m != nil {
			here[m[1]] = true
		}
	}
	text, err := os.ReadFile("../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(ovhcloud_csi_[a-z_]+)` ").FindAllStringSubmatch(string(text), -1) {
		there[m[1]] = true
	}
	if len(here) < 10 || !maps.Equal(here, there) {
		t.Errorf("the metrics are\n%v\nand in docs/operating.md\n%v", slices.Sorted(maps.Keys(here)),
			slices.Sorted(maps.Keys(there)))
	}
	for _, m := range regexp.MustCompile(`ovhcloud_csi_[a-z_]+`).FindAllString(string(text), -1) {
		if !here[m] {
			t.Errorf("the docs use %s, which is not a metric", m)
		}
	}
}

func TestMetricsHaveTheLostLinesOfTheLog(t *testing.T) {
	m := NewMetrics("1")
	wantPage(t, m, `ovhcloud_csi_log_lines_lost_total{reason="failed"} 0`, `ovhcloud_csi_log_lines_lost_total{reason="slow"} 0`)
	m.logLost.of = func() lines.Lost { return lines.Lost{Full: 3, Failed: 2} }
	wantPage(t, m, `ovhcloud_csi_log_lines_lost_total{reason="failed"} 2`, `ovhcloud_csi_log_lines_lost_total{reason="slow"} 3`)
}

// wantPage checks that the page of m has these lines.
func wantPage(t *testing.T, m *Metrics, want ...string) {
	t.Helper()
	page := httptest.NewRecorder()
	m.handler().ServeHTTP(page, httptest.NewRequest("GET", "/metrics", nil))
	for _, line := range want {
		if !strings.Contains(page.Body.String(), "\n"+line+"\n") {
			t.Errorf("the page lacks %s", line)
		}
	}
}
