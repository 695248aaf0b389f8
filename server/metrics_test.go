package server

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestEveryMetricIsInTheDocs(t *testing.T) {
	described := make(chan *prometheus.Desc)
	go func() {
		defer close(described)
		NewMetrics("1").registry.Describe(described)
		connectionMetrics{}.Describe(described)
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
