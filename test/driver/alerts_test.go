// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	kinds "ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/test/emulator"
)

var (
	series   = regexp.MustCompile(`ovhcloud_csi_[a-z_]+`)
	by       = regexp.MustCompile(`by \((\w+)\) \((?:rate\()?(ovhcloud_csi_[a-z_]+)`)
	selector = regexp.MustCompile(`(ovhcloud_csi_[a-z_]+)\{(\w+)=~?"([^"]+)"\}`)
)

// alertRules returns the expression of each alert of the chart, by its name.
func alertRules(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../charts/ovhcloud-csi-provider/files/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	rules := map[string]string{}
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			rules[rule.Alert] = rule.Expr
		}
	}
	if len(rules) < 10 {
		t.Fatalf("the chart has %d alerts, want 10 or more", len(rules))
	}
	return rules
}

// Each alert of the chart uses metrics that a daemon serves, with the alert's labels: an alert on a metric that does
// not exist never fires.
func TestAlertsUseMetricsThatADaemonServes(t *testing.T) {
	served := servedByABusyDaemon(t)
	for name, expression := range alertRules(t) {
		has := func(pattern string) {
			t.Helper()
			if !regexp.MustCompile("(?m)^" + pattern).MatchString(served) {
				t.Errorf("%s needs a metric %s, which the daemon does not serve", name, pattern)
			}
		}
		for _, metric := range series.FindAllString(expression, -1) {
			has(metric + "[{ ]")
		}
		for _, m := range by.FindAllStringSubmatch(expression, -1) {
			if m[1] != "instance" { // which Prometheus adds
				has(m[2] + `\{(.*,)?` + m[1] + `="[^"]+"`)
			}
		}
		for _, m := range selector.FindAllStringSubmatch(expression, -1) {
			for value := range strings.SplitSeq(m[3], "|") {
				if !onlyAfterAFailure(m[2], value) {
					has(m[1] + `\{(.*,)?` + m[2] + `="` + value + `"`)
				}
			}
		}
	}
}

// onlyAfterAFailure reports whether a daemon without failures does not serve this valid value of a label.
func onlyAfterAFailure(label, value string) bool {
	switch label {
	case "result":
		return slices.Contains(kinds.Kinds(), kinds.Kind(value))
	case "status":
		return value == "0" || value == "5.." || value == "429"
	}
	return false
}

// servedByABusyDaemon returns /metrics of a daemon that has mounted a class and has a connection with a certificate.
func servedByABusyDaemon(t *testing.T) string {
	t.Helper()
	s := stocked(t, Options{})
	certificate, key, err := s.okms.IssueCertificate(emulator.Identity{Name: "held"})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, content := range map[string]string{
		"held/tls.crt": string(certificate), "held/tls.key": string(key),
		"config.yaml": "connections:\n  held:\n    endpoint: " + s.server.URL + "\n    okmsId: " + s.okms.OKMSID() +
			"\n    credentialsDir: " + dir +
			"/held\n    allow: [{namespaces: [bank], serviceAccounts: [teller], paths: [prod/bank]}]\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d, err := StartDaemon(t.Context(), daemonProgram(t), s.node.Socket("ovhcloud"),
		"--admin-address", "127.0.0.1:0", "--allow-endpoint", s.server.URL, "--config", filepath.Join(dir, "config.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Kill)
	publish(t, s.pod("web"))
	address := regexp.MustCompile(`"serving" .*admin="([^"]+)"`).FindStringSubmatch(d.Log())
	if address == nil {
		t.Fatalf("the daemon does not log its admin address:\n%s", d.Log())
	}
	answer, err := http.Get("http://" + address[1] + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The driver has a counter for mirrored Secrets, but does not increment it: only events show that a Secret is missing.
func TestDriverCountsNoMirroredSecrets(t *testing.T) {
	s := openShop(t, Options{})
	s.put("prod/va1/dockerconfigjson", dockerConfig)
	s.classWith(map[string]string{"objects": "- {secretPath: prod/va1/dockerconfigjson, objectName: .dockerconfigjson}"},
		mirrored[1:])
	publish(t, s.pod("web"))
	s.secret("registry", ".dockerconfigjson", dockerConfig)
	if names := driverCounters.names("sync_k8s_secret"); len(names) != 0 {
		t.Errorf("the driver counts %q now: add an alert on it to the chart", names)
	}
}
