// SPDX-License-Identifier: Apache-2.0

package connections

import (
	"os"
	"strings"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/config"
	"ovhcloud-csi-provider/provider/credential"
	"ovhcloud-csi-provider/test/pki"
)

// seenChanges are changes after which the token "second" must be in use.
var seenChanges = map[string]struct {
	prepare, change func(g *ground)
}{
	"a file written in place": {good, func(g *ground) { g.write("credentials/default/token", "second") }},
	"a file renamed over it, as editors do": {good, func(g *ground) {
		g.write("credentials/default/.token.swp", "second")
		g.must(os.Rename(g.path("credentials/default/.token.swp"), g.path("credentials/default/token")))
	}},
	"the folder removed and created again": {good, func(g *ground) {
		g.must(os.RemoveAll(g.path("credentials/default")))
		g.invalid("there is no such folder")
		g.holds("first")
		g.write("credentials/default/token", "second")
	}},
	"the parent folder removed and created again": {good, func(g *ground) {
		g.must(os.RemoveAll(g.path("credentials")))
		g.invalid("there is no such folder")
		g.write("credentials/default/token", "second")
	}},
	"the folder replaced by another": {good, func(g *ground) {
		g.write("credentials/new/token", "second")
		g.must(os.Rename(g.path("credentials/default"), g.path("credentials/old")))
		g.must(os.Rename(g.path("credentials/new"), g.path("credentials/default")))
	}},
	"the folder replaced, then changed": {good, func(g *ground) {
		g.write("credentials/new/token", "between")
		g.must(os.Rename(g.path("credentials/default"), g.path("credentials/old")))
		g.must(os.Rename(g.path("credentials/new"), g.path("credentials/default")))
		g.inUse("between")
		g.write("credentials/default/token", "second")
	}},
	"a folder that comes later": {func(g *ground) { g.write("config/config.yaml", g.config()) },
		func(g *ground) { g.write("credentials/default/token", "second") }},
	"a configuration that comes later": {func(g *ground) { g.write("credentials/default/token", "second") },
		func(g *ground) { g.write("config/config.yaml", g.config()) }},
	"everything comes later": {func(*ground) {}, func(g *ground) {
		g.write("config/config.yaml", g.config())
		g.invalid("there is no such folder")
		g.write("credentials/default/token", "second")
	}},
	"a configuration renamed over it": {good, func(g *ground) {
		g.write("credentials/elsewhere/token", "second")
		g.replace("config/config.yaml", g.config("credentials/default", "credentials/elsewhere"))
	}},
	"a folder that a changed configuration names": {good, func(g *ground) {
		g.write("config/config.yaml", g.config("credentials/default", "credentials/elsewhere"))
		g.invalid("there is no such folder")
		g.holds("first")
		g.write("credentials/elsewhere/token", "second")
	}},
	"kubelet's links": {func(g *ground) {
		g.write("config/config.yaml", g.config())
		g.write("credentials/default/..1/token", "first")
		g.must(os.Symlink("..1", g.path("credentials/default/..data")))
		g.must(os.Symlink("..data/token", g.path("credentials/default/token")))
	}, func(g *ground) {
		g.write("credentials/default/..2/token", "second")
		g.must(os.Symlink("..2", g.path("credentials/default/..data_tmp")))
		g.must(os.Rename(g.path("credentials/default/..data_tmp"), g.path("credentials/default/..data")))
		g.must(os.RemoveAll(g.path("credentials/default/..1")))
	}},
	"another kind of credential": {good, func(g *ground) {
		g.must(os.Remove(g.path("credentials/default/token")))
		g.write("credentials/default/clientId", "id")
		g.write("credentials/default/clientSecret", "secret")
		g.reported("an OAuth2 client in use", func(r Reload) bool {
			return r.Err == nil && strings.HasPrefix(r.Credential, "OAuth2 client ")
		})
		client, err := g.set.Find("default").Credential()
		if want := "https://www.ovh.com/auth/oauth2/token"; err != nil || client.Client().TokenURL != want {
			g.t.Errorf("got the token URL %q (error %v), want %s", client.Client().TokenURL, err, want)
		}
		g.must(os.Remove(g.path("credentials/default/clientId")))
		g.must(os.Remove(g.path("credentials/default/clientSecret")))
		g.write("credentials/default/token", "second")
	}},
}

func TestChangesOfFilesAndFoldersAreSeen(t *testing.T) {
	for name, c := range seenChanges {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGround(t, c.prepare)
			c.change(g)
			g.inUse("second")
		})
	}
}

// TestChangesThatNoWatchSeesAreReadAtATick: no watch sees the replaced link, since it is the target
// of another link.
func TestChangesThatNoWatchSeesAreReadAtATick(t *testing.T) {
	g := newGround(t, func(g *ground) {
		g.write("config/config.yaml", g.config())
		g.write("far/away/1/default/token", "first")
		g.must(os.Symlink(g.path("far/away/link"), g.path("credentials")))
		g.must(os.Symlink(g.path("far/away/1"), g.path("far/away/link")))
		g.write("far/away/2/default/token", "second")
	})
	g.inUse("first")
	g.tick() // Run receives it when it waits, so only a tick can see the change below
	g.must(os.Symlink(g.path("far/away/2"), g.path("far/away/link2")))
	g.must(os.Rename(g.path("far/away/link2"), g.path("far/away/link")))
	g.tick()
	g.inUse("second")
}

func TestAnInvalidFileKeepsTheLastValidOneInUse(t *testing.T) {
	g := newGround(t, good)
	g.inUse("first")
	g.replace("config/config.yaml", g.config("region:", "regoin:"))
	r := g.reported("the mistake", func(r Reload) bool { return r.Err != nil })
	const want = `line 3: connections.default.regoin: unknown field; did you mean "region"?`
	if !r.Kept || !strings.Contains(r.Err.Error(), want) {
		t.Errorf("got %+v, want kept with the error %s", r, want)
	}
	g.holds("first")
	// Changes of credentials are still used.
	g.write("credentials/default/token", "second")
	g.inUse("second")
	g.replace("config/config.yaml", g.config())
	g.reported("the fixed file", func(r Reload) bool { return r.Connection == "" && r.Err == nil })
	if s := g.set.Status(); s.Err() != nil || s.Good != 2 || s.Bad != 1 {
		t.Errorf("status %+v, want 2 valid and 1 invalid state", s)
	}
}

func TestNewRulesApplyWithAnInvalidCredential(t *testing.T) {
	g := newGround(t, good)
	g.inUse("first")
	g.write("credentials/default/token", "")
	g.invalid("token is empty")
	g.write("config/config.yaml", g.config(`"shop", "team-*"`, `"shop"`))
	g.reported("new rules", func(r Reload) bool { return r.Connection == "default" })
	g.holds("first")
	if g.set.Find("default").Grant("team-a", "web").Any() || !g.set.Find("default").Grant("shop", "web").Any() {
		t.Error("the new rules do not apply")
	}
}

func TestNarrowedRulesApplyWhileTheNewFolderIsMissing(t *testing.T) {
	g := newGround(t, good)
	g.inUse("first")
	narrowed := strings.Replace(g.config("credentials/default", "credentials/later"), `"shop", "team-*"`, `"shop"`, 1)
	g.write("config/config.yaml", narrowed)
	g.reported("the kept connection", func(r Reload) bool { return r.Connection == "default" && r.Kept })
	g.holds("first")
	if g.set.Find("default").Grant("team-a", "web").Any() || !g.set.Find("default").Grant("shop", "web").Any() {
		t.Error("a removed namespace is still allowed, or one that stayed is denied")
	}
}

func TestNewSettingsForAnOutageApplyAtOnce(t *testing.T) {
	g := newGround(t, good)
	g.inUse("first")
	const rbx = "  rbx:\n    region: eu-west-rbx\n    okmsId: 734b9b45-8b1a-469c-b140-b10bd6540017\n" +
		"    credentialsDir: /nowhere\n" +
		"    allow: [{namespaces: [shop], serviceAccounts: ['*'], paths: ['**']}]\n"
	rewrite := func(fields string, change ...string) {
		g.replace("config/config.yaml", strings.Replace(g.config(change...), "    allow:", fields+"    allow:", 1)+rbx)
	}
	holds := func(maxStale time.Duration, fallback string) {
		t.Helper()
		c := g.set.Find("default")
		own, stated := c.OwnMaxStale()
		if own != maxStale || !stated || c.MaxStale(time.Minute) != maxStale || c.Fallback() != fallback {
			t.Errorf("maxStale %s (given: %v), fallback %q; want %s and %q", own, stated, c.Fallback(), maxStale, fallback)
		}
	}
	rewrite("    maxStale: 2h\n")
	g.reported("a maxStale", func(r Reload) bool { return r.Connection == "default" && r.Err == nil })
	holds(2*time.Hour, "")
	rewrite("    maxStale: 2h\n    fallback: rbx\n")
	g.reported("a fallback", func(r Reload) bool { return r.Connection == "default" && r.Err == nil })
	holds(2*time.Hour, "rbx")
	rewrite("    maxStale: 0s\n", "credentials/default", "credentials/later") // the new folder is missing
	g.reported("the kept connection", func(r Reload) bool { return r.Connection == "default" && r.Kept })
	g.holds("first")
	holds(0, "")
}

func TestMaxStaleIsTheDaemonsUnlessTheConnectionHasOne(t *testing.T) {
	for want, outage := range map[time.Duration]config.Outage{
		time.Hour: {}, 36 * time.Hour: {MaxStale: 36 * time.Hour, HasMaxStale: true}, 0: {HasMaxStale: true},
	} {
		c := &Connection{spec: config.Connection{Outage: outage}}
		if got := c.MaxStale(time.Hour); got != want {
			t.Errorf("the outage settings %+v: maxStale is %s, want %s", outage, got, want)
		}
	}
}

func TestACredentialIsNeverSentToAnotherDomain(t *testing.T) {
	g := newGround(t, good)
	g.inUse("first")
	g.write("credentials/default/token", "")
	g.invalid("token is empty")
	g.write("config/config.yaml", g.config("region: eu-west-par", "endpoint: https://okms.example"))
	g.reported("the configuration", func(r Reload) bool { return r.Connection == "" && r.Err == nil })
	g.holds("first")
	if at := g.set.Find("default").Place().Endpoint; at != "https://eu-west-par.okms.ovh.net" {
		t.Errorf("the old credential is sent to %s", at)
	}
	g.write("credentials/default/token", "second")
	g.inUse("second")
	if at := g.set.Find("default").Place().Endpoint; at != "https://okms.example" {
		t.Errorf("the new credential is sent to %s", at)
	}
}

func TestARemovedConnectionIsNotUsed(t *testing.T) {
	g := newGround(t, good)
	g.inUse("first")
	g.write("config/config.yaml", "connections: {}\n")
	g.reported("the removal", func(r Reload) bool { return r.Connection == "default" && r.Removed })
	if g.set.Find("default") != nil || g.set.Status().Err() != nil {
		t.Error("the removed connection is still in use, or the status has an error")
	}
}

func TestInvalidCredentialsAreReportedOnceAndKeepTheLastValidOne(t *testing.T) {
	cert, key := pki.Pair(t, testTime.Add(-time.Hour), testTime.Add(time.Hour))
	_, otherKey := pki.Pair(t, testTime.Add(-time.Hour), testTime.Add(time.Hour))
	oldCert, oldKey := pki.Pair(t, testTime.Add(-2*time.Hour), testTime.Add(-time.Hour))
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"nothing":     {nil, "no credential: neither token, nor tls.crt with tls.key, nor clientId with clientSecret"},
		"other files": {map[string]string{"passwd": "x"}, `its keys are "passwd"`},
		"two kinds": {map[string]string{credential.KeyToken: "x", credential.KeyCertificate: cert,
			credential.KeyPrivateKey: key}, "holds both a token and a certificate"},
		"three kinds": {map[string]string{credential.KeyToken: "x", credential.KeyCertificate: cert,
			credential.KeyClientID: "y"}, "holds a token, a certificate and an OAuth2 client"},
		"a certificate with another key": {map[string]string{credential.KeyCertificate: cert,
			credential.KeyPrivateKey: otherKey},
			"private key does not match public key"},
		"expired": {map[string]string{credential.KeyCertificate: oldCert, credential.KeyPrivateKey: oldKey},
			"expired on 2026-11-23T11:00:00Z"},
		"a key with a passphrase": {map[string]string{credential.KeyCertificate: cert,
			credential.KeyPrivateKey: "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"},
			"tls.key is protected by a passphrase; store the key without one"},
		"a token of two lines": {map[string]string{credential.KeyToken: "a\nb"}, "write one line of printable ASCII"},
		"half a client": {map[string]string{credential.KeyClientID: "a"},
			"holds only one of clientId and clientSecret"},
		"a token URL in plain http": {map[string]string{credential.KeyClientID: "a", credential.KeyClientSecret: "b",
			credential.KeyTokenURL: "http://x.example/t"}, "tokenUrl: plain http is for loopback addresses only"},
		"a file that is too large": {map[string]string{credential.KeyToken: strings.Repeat("x", maxFile+1)},
			"reading token: is larger than 1048576 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGround(t, good)
			g.inUse("first")
			g.exchange(c.files)
			g.invalid(c.want)
			g.holds("first")
			bad := g.set.Status().Connections[0].Bad
			g.tick()
			g.tick() // Run receives it after the reload of the first
			if again := g.set.Status().Connections[0].Bad; again != bad {
				t.Errorf("reported %d more times", again-bad)
			}
		})
	}
}
