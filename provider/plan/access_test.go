package plan_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/connections"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/plan/plantest"
)

const heldToken = "eyJ.planted.held-token"

// heldConnections are one connection, team, for namespace store and prod/shop/**.
func heldConnections(t testing.TB) *connections.Set {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"token": heldToken,
		"config.yaml": "connections:\n  team:\n    endpoint: https://okms.held.example\n    okmsId: " + plantest.TestDomain + "\n    credentialsDir: " + dir +
			"\n    allow: [{namespaces: [store], serviceAccounts: [web], paths: ['prod/shop/**']}]\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return connections.Open(connections.Options{File: filepath.Join(dir, "config.yaml")})
}

// FuzzConnection lets a pod override any two attributes that are not kubelet's.
// Whatever they are, the held credential goes to its own place for its own paths,
// and to nobody else.
func FuzzConnection(f *testing.F) {
	for _, seed := range [][4]string{
		{"connection", "team", "objects", "- secretPath: prod/shop/db"},
		{"connection", " team\n", "objects", "- secretPath: prod/shop/../pay/db"},
		{"endpoint", "https://evil.example", "objects", "- secretPath: prod/pay/db"},
		{"region", "eu-west-par", "okmsId", plantest.TestDomain},
		{"caBundle", "x", "connection", ""},
		{"connection", "team", "objects", "- secretPath: prod%2Fshop\n- secretPath: prod/shop/a\n  allKeys: true"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3], false)
		f.Add(seed[0], seed[1], seed[2], seed[3], true)
	}
	connections := heldConnections(f)
	held, err := connections.Find("team").Credential()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name1, value1, name2, value2 string, brings bool) {
		r := plantest.Request(plantest.Without("region"), plantest.Without("okmsId"), plantest.With("connection", "team"))
		for name, value := range map[string]string{name1: value1, name2: value2} {
			if !strings.HasPrefix(name, class.AttributePrefix) {
				r.Attributes[name] = value
			}
		}
		if !brings {
			r.Credentials = nil
		}
		pl, failures := plantest.Of(r, connections, time.Now())
		if len(failures) > 0 {
			return
		}
		if pl.Credential.ID() != held.ID() {
			if !brings || pl.Connection != "" {
				t.Fatalf("%s is used", pl.Credential)
			}
			return
		}
		if brings || pl.Domain.Endpoint != "https://okms.held.example" || pl.Domain.ID != plantest.TestDomain || pl.Domain.CABundle != "" {
			t.Fatalf("the held credential goes to %+v", pl.Domain)
		}
		for _, ref := range pl.Reads {
			if !strings.HasPrefix(ref.Path, "prod/shop/") || strings.Contains(ref.Path, "/../") || strings.Contains(ref.Path, "%") {
				t.Fatalf("the held credential reads %q", ref.Path)
			}
		}
	})
}

// One mistake is one error: a connection is added to a class that works without it.
func TestAConnectionAndWhatItHasIsOneError(t *testing.T) {
	for name, c := range map[string]struct {
		change changes
		want   string
	}{
		"a region":          {changes{plantest.Credentials(nil), plantest.Without("okmsId")}, "region"},
		"region and okmsId": {changes{plantest.Credentials(nil)}, "region and okmsId"},
		"all that there is": {changes{plantest.With("endpoint", "https://x.example"), plantest.With("caBundle", "no PEM")},
			"region, endpoint, okmsId, caBundle and nodePublishSecretRef"},
		"a credential": {changes{plantest.Without("region"), plantest.Without("okmsId")},
			"nodePublishSecretRef"},
		"a region that is no region": {changes{plantest.With("region", "GRA11"), plantest.Without("okmsId"), plantest.Credentials(nil)},
			"region"},
	} {
		kind, got := plantest.Refused(t, plantest.Request(append(c.change, plantest.With("connection", "team"))...))
		want := "parameters.connection: cannot be combined with " + c.want + ": a connection has its own; drop connection, or drop " + c.want
		if got != want || kind != failure.Invalid {
			t.Errorf("%s: got  %s\nwant %s", name, got, want)
		}
	}
}
