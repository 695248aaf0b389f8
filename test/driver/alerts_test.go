package driver

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"ovhcloud-csi-provider/test/emulator"
)

var (
	alert    = regexp.MustCompile(`(?m)^ +expr: (.+)$`)
	series   = regexp.MustCompile(`ovhcloud_csi_[a-z_]+`)
	by       = regexp.MustCompile(`by \((\w+)\) \((?:rate\()?(ovhcloud_csi_[a-z_]+)`)
	selector = regexp.MustCompile(`(ovhcloud_csi_[a-z_]+)\{(\w+)=~?"([^"]+)"\}`)
)

// Each alert of docs/operating.md is on series that a daemon serves, with the labels that the alert names: an alert on
// a missing series never fires.
func TestAlertsAreOnSeriesThatADaemonServes(t *testing.T) {
	docs, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	served := servedByABusyDaemon(t)
	has := func(pattern string) {
		t.Helper()
		if !regexp.MustCompile("(?m)^" + pattern).MatchString(served) {
			t.Errorf("an alert needs a series %s, and the daemon serves none", pattern)
		}
	}
	expressions := alert.FindAllStringSubmatch(string(docs), -1)
	if len(expressions) < 4 {
		t.Fatalf("docs/operating.md has %d alerts, want 4 or more", len(expressions))
	}
	for _, expression := range expressions {
		for _, name := range series.FindAllString(expression[1], -1) {
			has(name + "[{ ]")
		}
		for _, m := range by.FindAllStringSubmatch(expression[1], -1) {
			has(m[2] + `\{(.*,)?` + m[1] + `="[^"]+"`)
		}
		for _, m := range selector.FindAllStringSubmatch(expression[1], -1) {
			for value := range strings.SplitSeq(m[3], "|") {
				has(m[1] + `\{(.*,)?` + m[2] + `="` + value + `"`)
			}
		}
	}
}

// servedByABusyDaemon is the text at /metrics of a daemon that has mounted a class, and has a connection whose
// credential is a certificate.
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
		"config.yaml": "connections:\n  held:\n    endpoint: " + s.server.URL + "\n    okmsId: " + s.okms.OKMSID() + "\n    credentialsDir: " + dir +
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

// The driver has a counter for mirrored Secrets, and does not count: only events show a Secret that is not made.
func TestDriverCountsNoMirroredSecrets(t *testing.T) {
	s := openShop(t, Options{})
	s.put("prod/va1/dockerconfigjson", dockerConfig)
	s.classWith(map[string]string{"objects": "- {secretPath: prod/va1/dockerconfigjson, objectName: .dockerconfigjson}"}, mirrored[1:])
	publish(t, s.pod("web"))
	s.secret("registry", ".dockerconfigjson", dockerConfig)
	if names := driverCounters.names("sync_k8s_secret"); len(names) != 0 {
		t.Errorf("the driver counts %q: docs/operating.md may have an alert on it now", names)
	}
}
