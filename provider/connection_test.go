package provider

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/connections"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/place"
)

const heldToken = "eyJ.planted.held-token"

// heldConnections are one connection, team, for namespace store and prod/shop/**.
func heldConnections(t testing.TB) *connections.Set {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"token": heldToken,
		"config.yaml": "connections:\n  team:\n    endpoint: https://okms.held.example\n    okmsId: " + testDomain + "\n    credentialsDir: " + dir +
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
		{"region", "eu-west-par", "okmsId", testDomain},
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
		r := request(without("region"), without("okmsId"), with("connection", "team"))
		for name, value := range map[string]string{name1: value1, name2: value2} {
			if !strings.HasPrefix(name, attributePrefix) {
				r.Attributes[name] = value
			}
		}
		if !brings {
			r.Credentials = nil
		}
		pl, failures := makePlan(r, place.Endpoints{}, connections, time.Now())
		if len(failures) > 0 {
			return
		}
		if pl.credential.ID() != held.ID() {
			if !brings || pl.connection != "" {
				t.Fatalf("%s is used", pl.credential)
			}
			return
		}
		if brings || pl.domain.Endpoint != "https://okms.held.example" || pl.domain.ID != testDomain || pl.domain.CABundle != "" {
			t.Fatalf("the held credential goes to %+v", pl.domain)
		}
		for _, ref := range pl.reads {
			if !strings.HasPrefix(ref.Path, "prod/shop/") || strings.Contains(ref.Path, "/../") || strings.Contains(ref.Path, "%") {
				t.Fatalf("the held credential reads %q", ref.Path)
			}
		}
	})
}

// One mistake is one error: a connection is added to a class that works without it.
func TestAConnectionAndWhatItHasIsOneError(t *testing.T) {
	for name, c := range map[string]struct {
		change []func(*Request)
		want   string
	}{
		"a region":                   {[]func(*Request){credentials(nil), without("okmsId")}, "region"},
		"region and okmsId":          {[]func(*Request){credentials(nil)}, "region and okmsId"},
		"all that there is":          {[]func(*Request){with("endpoint", "https://x.example"), with("caBundle", "no PEM")}, "region, endpoint, okmsId, caBundle and nodePublishSecretRef"},
		"a credential":               {[]func(*Request){without("region"), without("okmsId")}, "nodePublishSecretRef"},
		"a region that is no region": {[]func(*Request){with("region", "GRA11"), without("okmsId"), credentials(nil)}, "region"},
	} {
		kind, got := refused(t, request(append(c.change, with("connection", "team"))...))
		want := "parameters.connection: cannot be combined with " + c.want + ": a connection has its own; drop connection, or drop " + c.want
		if got != want || kind != failure.Invalid {
			t.Errorf("%s: got  %s\nwant %s", name, got, want)
		}
	}
}
