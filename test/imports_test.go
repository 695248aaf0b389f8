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
	"cmd/commandline":           {"provider/nearest"},
	"cmd/ovhcloud-csi-provider": {"server", "provider", "provider/budget", "provider/okms", "provider/auth", "cmd/commandline"},
	"cmd/ovhcsi":                {"provider", "provider/okms", "provider/auth", "test/emulator", "cmd/commandline"},
	"server":                    {"provider", "provider/budget"},
	"provider": {"provider/okms", "provider/auth", "provider/cache", "provider/pace", "provider/sensitive", "provider/nearest",
		"provider/rawjson", "provider/yamlnode", "provider/budget", "provider/wire"},
	"provider/budget":    {"provider/quota"},
	"provider/quota":     {},
	"provider/rawjson":   {},
	"provider/cache":     {"provider/okms", "provider/sensitive"},
	"provider/pace":      {"provider/okms"},
	"provider/okms":      {"provider/sensitive", "provider/rawjson", "provider/wire"},
	"provider/auth":      {"provider/sensitive", "provider/nearest", "provider/yamlnode", "provider/rawjson", "provider/wire"},
	"provider/wire":      {},
	"provider/nearest":   {},
	"provider/yamlnode":  {},
	"provider/sensitive": {},
	"test":               {},
	"test/emulator":      {},
	"test/bench":         {"test/emulator"},
	"test/mutate":        {},
	"test/soak":          {},
	"test/harness":       {"server", "provider", "provider/budget", "provider/auth", "test/emulator"},
}

// foreign is where each vocabulary that is not ours ends: who may import it.
var foreign = map[string][]string{
	"github.com/hashicorp/vault/api": {"provider/okms"},
	"net/http":                       {"provider/wire", "provider/okms", "provider/auth", "server", "test/emulator", "test/harness", "test/bench", "cmd/ovhcsi"},
	"flag":                           {"cmd/commandline", "cmd/ovhcloud-csi-provider", "cmd/ovhcsi", "test/bench", "test/mutate"},
	"google.golang.org/grpc":         {"server", "test/harness", "test/bench"},
	"sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1": {"server", "test/harness", "test/bench"},
	"github.com/prometheus/client_golang/prometheus":         {"server"},
	"go.yaml.in/yaml/v3":           {"provider/yamlnode"},
	"github.com/fsnotify/fsnotify": {"provider/auth"},
	"github.com/tidwall/gjson":     {}, // tests compare with it
	"k8s.io/klog/v2":               {"cmd/ovhcloud-csi-provider", "server", "test/harness"},
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
	for _, line := range goList(t, "-f", `{{.ImportPath}} {{join .TestImports " "}} {{join .XTestImports " "}}`, "./provider/...") {
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
		if kubernetes && !strings.HasPrefix(p, "k8s.io/klog/v2") && p != "sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1" {
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
	build := exec.Command("go", "build", "-trimpath", "-tags=grpcnotrace", "-ldflags=-s -w", "-o", path, "./cmd/ovhcloud-csi-provider")
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
