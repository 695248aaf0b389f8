// SPDX-License-Identifier: Apache-2.0

// Package test holds what is true of the project as a whole: which package may
// import which, what the daemon links, and how large it is.
package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "ovhcloud-csi-provider"

// arrows is the diagram of DESIGN.md: which packages of ours each package may
// import. A package that is not here fails the test, so that every new one is
// given its place.
var arrows = map[string][]string{
	"cmd/commandline": {"provider/nearest"},
	"cmd/ovhcloud-csi-provider": {
		"cmd/commandline", "provider", "provider/budget", "provider/config", "provider/connections", "provider/okms",
		"provider/place", "server", "server/audit", "server/events", "server/kube",
		"server/lines", "server/profiles", "server/taint",
		"server/tasks", "server/tracing",
	},
	"cmd/ovhcsi/listing": {},
	"cmd/ovhcsi/seed":    {"provider/message", "provider/yamlnode"},
	"cmd/ovhcsi/policy": {
		"provider/class", "provider/config", "provider/message", "provider/nearest", "provider/rules", "provider/strictmap",
		"provider/yamlnode",
	},
	"cmd/ovhcsi/schema": {
		"provider/certificate", "provider/class", "provider/encoding", "provider/format", "provider/okms", "provider/place",
	},
	"cmd/ovhcsi/convert": {
		"cmd/ovhcsi/lint", "provider/class", "provider/failure", "provider/message", "provider/nearest", "provider/place",
		"provider/template", "provider/yamlnode",
	},
	"cmd/ovhcsi/lint": {
		"provider/class", "provider/config", "provider/failure", "provider/message", "provider/nearest", "provider/place",
		"provider/rules", "provider/yamlnode",
	},
	"cmd/ovhcsi/launch":              {"provider/format", "provider/nearest", "provider/sensitive"},
	"cmd/ovhcsi/cluster":             {"provider/credential", "provider/message", "provider/sensitive"},
	"cmd/ovhcsi/cluster/clustertest": {"cmd/ovhcsi/cluster"},
	"cmd/ovhcsi/doctor": {
		"cmd/ovhcsi/cluster", "cmd/ovhcsi/lint", "provider/class", "provider/config", "provider/credential",
		"provider/message",
		"provider/okms", "provider/place", "provider/wire",
	},
	"cmd/ovhcsi": {
		"cmd/commandline", "cmd/ovhcsi/cluster", "cmd/ovhcsi/convert", "cmd/ovhcsi/doctor", "cmd/ovhcsi/launch",
		"cmd/ovhcsi/lint", "cmd/ovhcsi/policy", "cmd/ovhcsi/schema", "provider", "provider/class", "provider/failure",
		"provider/place",
		"provider/sensitive", "provider/config", "provider/connections", "provider/credential", "provider/explain",
		"provider/okms", "provider/read", "test/emulator",
		"cmd/ovhcsi/listing", "cmd/ovhcsi/seed",
	},
	"server": {
		"provider", "provider/budget", "provider/class", "provider/failure", "provider/plan", "provider/read",
		"server/audit", "server/events", "server/fairhttp", "server/lines", "server/series", "server/socket", "server/tasks",
		"server/tracing",
	},
	"server/tasks": {},
	"provider": {
		"provider/budget", "provider/class", "provider/connections", "provider/credential", "provider/failure",
		"provider/message", "provider/okms", "provider/place", "provider/plan", "provider/read", "provider/render",
	},
	"provider/class": {
		"provider/certificate", "provider/encoding", "provider/failure", "provider/format", "provider/message",
		"provider/nearest", "provider/okms",
		"provider/place", "provider/strictmap", "provider/template", "provider/volume", "provider/yamlnode",
	},
	"provider/plan": {
		"provider/class", "provider/connections", "provider/credential", "provider/failure", "provider/message",
		"provider/okms", "provider/place", "provider/rules",
	},
	"provider/plan/plantest": {
		"provider/class", "provider/connections", "provider/credential", "provider/failure", "provider/plan",
		"provider/sensitive",
	},
	"provider/read": {
		"provider/budget", "provider/cache", "provider/class", "provider/connections", "provider/conns", "provider/explain",
		"provider/failure", "provider/okms", "provider/pace", "provider/place", "provider/plan", "provider/pool",
		"provider/sensitive",
	},
	"provider/render": {
		"provider/certificate", "provider/class", "provider/encoding", "provider/failure", "provider/format",
		"provider/message", "provider/nearest",
		"provider/okms", "provider/place", "provider/plan", "provider/rawjson", "provider/sensitive",
		"provider/template", "provider/volume",
	},
	"provider/cache": {"provider/failure", "provider/okms", "provider/place"},
	"provider/pace":  {"provider/failure", "provider/okms", "provider/place"},
	"provider/okms": {"provider/conns", "provider/failure", "provider/place", "provider/rawjson", "provider/sensitive",
		"provider/wire"},
	"provider/conns": {"provider/wire"},
	"provider/connections": {
		"provider/config", "provider/credential", "provider/place", "provider/rules", "provider/sensitive",
	},
	"provider/config": {
		"provider/message", "provider/nearest", "provider/place", "provider/rules", "provider/strictmap",
		"provider/yamlnode",
	},
	"provider/rules": {"provider/message"},
	"provider/credential": {"provider/keypair", "provider/message", "provider/place", "provider/sensitive",
		"provider/sniff"},
	"provider/oauth":    {"provider/credential", "provider/rawjson", "provider/sensitive", "provider/wire"},
	"provider/place":    {"provider/keypair", "provider/message", "provider/sniff"},
	"provider/failure":  {"provider/message"},
	"provider/budget":   {"provider/quota"},
	"provider/quota":    {},
	"provider/encoding": {"provider/message", "provider/nearest"},
	"provider/format":   {"provider/message", "provider/nearest", "provider/rawjson"},
	"provider/keypair":  {},
	"provider/certificate": {
		"provider/keypair", "provider/message", "provider/nearest", "provider/rawjson", "provider/sniff",
	},
	"provider/template": {
		"provider/format", "provider/message", "provider/nearest", "provider/rawjson", "provider/yamlnode",
	},
	"provider/volume":    {"provider/message"},
	"provider/rawjson":   {"provider/sensitive"},
	"provider/yamlnode":  {},
	"provider/nearest":   {},
	"provider/message":   {},
	"provider/sniff":     {},
	"provider/wire":      {},
	"provider/sensitive": {},
	"provider/explain": {
		"provider/class", "provider/credential", "provider/failure", "provider/okms", "provider/plan",
		"provider/wire",
	},
	"provider/pool": {
		"provider/budget", "provider/credential", "provider/failure", "provider/oauth", "provider/okms",
		"provider/place", "provider/plan", "provider/sensitive",
	},
	"provider/strictmap":                    {"provider/message", "provider/yamlnode"},
	"server/fairhttp":                       {},
	"server/audit":                          {"server/lines"},
	"server/events":                         {"provider/message", "server/kube"},
	"server/kube":                           {"provider/wire"},
	"server/kube/kubetest":                  {"server/kube"},
	"server/lines":                          {},
	"server/series":                         {"provider/budget", "provider/config", "provider/failure", "provider/read"},
	"server/taint":                          {"server/kube"},
	"server/profiles":                       {"server/tasks"},
	"server/tracing":                        {"provider", "provider/failure", "provider/message", "provider/read"},
	"server/tracing/tracingtest":            {},
	"server/tracing/tracingtest/printspans": {"server/tracing/tracingtest"},
	"server/socket":                         {},
	"test":                                  {},
	"test/apis":                             {},
	"test/bench":                            {"test/emulator", "test/image", "test/page"},
	"test/image":                            {},
	"test/bounds":                           {},
	"test/classes":                          {},
	"test/conformance":                      {},
	"test/credentials":                      {},
	"test/emulator":                         {},
	"test/fallback":                         {},
	"test/harness": {
		"provider", "provider/budget", "provider/connections", "provider/failure", "provider/place", "server",
		"server/lines", "test/emulator", "test/memnet",
	},
	"test/load":     {},
	"test/memnet":   {},
	"test/messages": {},
	"test/mutate":   {},
	"test/matrix":   {"test/page"},
	"test/okmstest": {"provider/okms", "provider/place", "provider/sensitive", "test/emulator"},
	"test/outages":  {},
	"test/page":     {},
	"test/pki":      {},
	"test/podstart": {"test/page"},
	"test/scrapes":  {},
	"test/shapes":   {},
	"test/fleet": {
		"provider", "provider/budget", "provider/credential", "provider/place", "provider/sensitive", "test/emulator",
		"test/memnet",
	},
	"test/simulation": {
		"provider", "provider/budget", "provider/connections", "provider/place", "server", "test/emulator",
		"test/memnet",
	},
	"test/simulation/faults": { // it reads files, and imports none of ours
	},
	"test/soak":     {},
	"test/withrace": {},
}

// foreign is where each vocabulary that is not ours ends: who may import it.
var foreign = map[string][]string{
	"github.com/hashicorp/vault/api": {"provider/okms"},
	"net/http": {"provider/wire", "provider/okms", "provider/oauth", "server", "server/events",
		"server/fairhttp", "server/kube", "server/kube/kubetest", "server/profiles", "server/series", "server/taint",
		"test/emulator", "test/harness", "test/bench", "test/fleet", "test/podstart", "test/simulation",
		"cmd/ovhcsi",
		"cmd/ovhcsi/cluster/clustertest", "cmd/ovhcsi/doctor"},
	"flag": {"cmd/commandline", "cmd/ovhcloud-csi-provider", "test/bench", "test/harness", "test/matrix", "test/mutate",
		"test/podstart", "test/simulation/faults"},
	"github.com/spf13/cobra": {"cmd/ovhcsi"},
	"github.com/spf13/pflag": {"cmd/ovhcsi"},
	"google.golang.org/grpc": {"server", "server/tracing", "server/tracing/tracingtest", "test/harness", "test/bench",
		"test/simulation"},
	"sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1": {"server", "test/harness", "test/bench", "test/simulation"},
	"github.com/prometheus/client_golang/prometheus":         {"server", "server/series"},
	"go.yaml.in/yaml/v3":                         {"provider/yamlnode"},
	"github.com/fsnotify/fsnotify":               {"provider/connections", "cmd/ovhcsi/launch"},
	"software.sslmate.com/src/go-pkcs12":         {"provider/certificate"},
	"github.com/pavlo-v-chernykh/keystore-go/v4": {"provider/certificate"},
	"github.com/tidwall/gjson":                   {}, // tests compare with it
	"k8s.io/klog/v2": {"cmd/ovhcloud-csi-provider", "server", "server/events", "server/profiles", "server/taint",
		"server/tracing", "test/harness", "test/simulation"},
}

// goList runs go list with a template that prints fields separated by spaces.
func goList(t *testing.T, args ...string) []string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Dir = ".."
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %s: %v", strings.Join(args, " "), err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

func TestArrowsPointDown(t *testing.T) {
	for _, line := range goList(t, "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...") {
		fields := strings.Fields(line)
		from := strings.TrimPrefix(fields[0], module+"/")
		allowed, known := arrows[from]
		if !known {
			t.Errorf("%s has no place in the diagram of arrows", from)
		}
		for _, to := range fields[1:] {
			if ours, is := strings.CutPrefix(to, module+"/"); is && !slices.Contains(allowed, ours) {
				t.Errorf("%s imports %s", from, ours)
			}
			if may, bounded := foreign[to]; bounded && !slices.Contains(may, from) {
				t.Errorf("%s imports %s, which belongs to %v", from, to, may)
			}
		}
	}
}

// TestPackagesBelowAreTestedWithoutTheServer: their tests would be compiled and run again
// after each change of the server.
func TestPackagesBelowAreTestedWithoutTheServer(t *testing.T) {
	for _, line := range goList(t, "-f", `{{.ImportPath}} {{join .TestImports " "}} {{join .XTestImports " "}}`,
		"./provider/...") {
		fields := strings.Fields(line)
		for _, to := range fields[1:] {
			if slices.Contains([]string{module + "/server", module + "/test/harness"}, to) {
				t.Errorf("the tests of %s import %s", fields[0], to)
			}
		}
	}
}

func TestTheEmulatorNeedsTheStandardLibraryOnly(t *testing.T) {
	for _, p := range goList(t, "-deps", "-f", `{{if not .Standard}}{{.ImportPath}}{{end}}`, "./test/emulator") {
		if p != "" && p != module+"/test/emulator" {
			t.Errorf("it links %s", p)
		}
	}
}

func TestTheDaemonLinksNoKubernetesClient(t *testing.T) {
	for _, p := range goList(t, "-deps", "./cmd/ovhcloud-csi-provider") {
		kubernetes := strings.HasPrefix(p, "k8s.io/") || strings.HasPrefix(p, "sigs.k8s.io/")
		if kubernetes && !strings.HasPrefix(p, "k8s.io/klog/v2") &&
			p != "sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1" {
			t.Errorf("it links %s", p)
		}
		if strings.HasPrefix(p, module+"/test") || strings.HasPrefix(p, "testing") {
			t.Errorf("it links %s", p)
		}
	}
}

func TestTheDaemonIsSmall(t *testing.T) {
	const limit = 20 << 20
	path := filepath.Join(t.TempDir(), "daemon")
	build := exec.Command("go", "build", "-trimpath", "-tags=grpcnotrace", "-ldflags=-s -w", "-o", path,
		"./cmd/ovhcloud-csi-provider")
	build.Dir = ".."
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > limit {
		t.Errorf("the stripped binary has %d bytes, more than %d", info.Size(), limit)
	}
	t.Logf("%d bytes", info.Size())
}
