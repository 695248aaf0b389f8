package connections

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/credential"
	"ovhcloud-csi-provider/provider/sensitive"
	"ovhcloud-csi-provider/test/pki"
)

// testTime is when the tests of this package are.
var testTime = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// ground is a configuration and a credential folder on disk, and connections that
// watch them.
type ground struct {
	t       *testing.T
	root    string
	c       *Set
	ticks   chan time.Time
	reloads chan Reload
}

// newGround makes the folders; prepare fills them before they are read first.
func newGround(t *testing.T, prepare func(g *ground)) *ground {
	t.Helper()
	g := &ground{t: t, root: t.TempDir(), ticks: make(chan time.Time), reloads: make(chan Reload, 1000)}
	prepare(g)
	g.c = Open(Options{File: filepath.Join(g.root, "config", "config.yaml"), Now: func() time.Time { return testTime },
		Notify: func(r Reload) { g.reloads <- r }, Ticks: func() (<-chan time.Time, func()) { return g.ticks, func() {} }})
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { g.c.Run(ctx) })
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
	return g
}

// write writes a file in place; its folder is made if it is missing.
func (g *ground) write(name, content string) {
	g.t.Helper()
	path := filepath.Join(g.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		g.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		g.t.Fatal(err)
	}
}

// replace writes a file beside and renames it over, so that nobody sees half.
func (g *ground) replace(name, content string) {
	g.t.Helper()
	g.write(name+"~", content)
	g.must(os.Rename(g.path(name+"~"), g.path(name)))
}

func (g *ground) must(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

func (g *ground) path(name string) string { return filepath.Join(g.root, name) }

// config is the good file with its folder below root.
func (g *ground) config(change ...string) string {
	text := strings.Replace(goodConfig, "/etc/ovhcloud-csi/credentials", g.root+"/credentials", 1)
	return strings.NewReplacer(change...).Replace(text)
}

// told waits for a change that satisfies ok.
func (g *ground) told(what string, ok func(Reload) bool) Reload {
	g.t.Helper()
	for {
		select {
		case r := <-g.reloads:
			if ok(r) {
				return r
			}
		case <-time.After(20 * time.Second):
			g.t.Fatalf("never told: %s", what)
		}
	}
}

// inUse waits until the token of the connection default is this one.
func (g *ground) inUse(token string) {
	g.t.Helper()
	c, _ := credential.Parse(credential.Material{credential.KeyToken: sensitive.New([]byte(token))}, `connection "default"`, testTime)
	g.told(c.String()+" in use", func(r Reload) bool {
		return r.Connection == "default" && r.Err == nil && r.Credential == c.String()
	})
	g.holds(token)
}

// holds checks which token counts testTime.
func (g *ground) holds(token string) {
	g.t.Helper()
	connection := g.c.Find("default")
	if connection == nil {
		g.t.Fatal("there is no connection")
	}
	if got, err := connection.Credential(); err != nil || string(got.Token().Reveal()) != token {
		g.t.Fatalf("%v, %v is in use", got, err)
	}
}

// broken waits until something broken is told, in these words.
func (g *ground) broken(words string) {
	g.t.Helper()
	g.told(words, func(r Reload) bool { return r.Err != nil && strings.Contains(r.Err.Error(), words) })
	if err := g.c.Status().Err(); err == nil || !strings.Contains(err.Error(), words) {
		g.t.Errorf("the status says %v, want %s", err, words)
	}
}

func good(g *ground) {
	g.write("config/config.yaml", g.config())
	g.write("credentials/default/token", "first\n")
}

func TestChangesOfFoldersAreSeen(t *testing.T) {
	cases := map[string]struct {
		prepare, change func(g *ground)
	}{
		"a file written in place": {good, func(g *ground) { g.write("credentials/default/token", "second") }},
		"a file renamed over it, as editors do": {good, func(g *ground) {
			g.write("credentials/default/.token.swp", "second")
			g.must(os.Rename(g.path("credentials/default/.token.swp"), g.path("credentials/default/token")))
		}},
		"the folder removed and made again": {good, func(g *ground) {
			g.must(os.RemoveAll(g.path("credentials/default")))
			g.broken("there is no such folder")
			g.holds("first")
			g.write("credentials/default/token", "second")
		}},
		"the folder above removed and made again": {good, func(g *ground) {
			g.must(os.RemoveAll(g.path("credentials")))
			g.broken("there is no such folder")
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
			g.broken("there is no such folder")
			g.write("credentials/default/token", "second")
		}},
		"a configuration renamed over it": {good, func(g *ground) {
			g.write("credentials/elsewhere/token", "second")
			g.replace("config/config.yaml", g.config("credentials/default", "credentials/elsewhere"))
		}},
		"a folder that a changed configuration names": {good, func(g *ground) {
			g.write("config/config.yaml", g.config("credentials/default", "credentials/elsewhere"))
			g.broken("there is no such folder")
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
			g.told("an OAuth2 client in use", func(r Reload) bool { return r.Err == nil && strings.HasPrefix(r.Credential, "OAuth2 client ") })
			if client, err := g.c.Find("default").Credential(); err != nil || client.Client().TokenURL != "https://www.ovh.com/auth/oauth2/token" {
				g.t.Errorf("gets its tokens at %q, %v", client.Client().TokenURL, err)
			}
			g.must(os.Remove(g.path("credentials/default/clientId")))
			g.must(os.Remove(g.path("credentials/default/clientSecret")))
			g.write("credentials/default/token", "second")
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGround(t, c.prepare)
			c.change(g)
			g.inUse("second")
		})
	}
}

// The change is made where no watch can be: behind a link in the middle of the path.
func TestWhatNoWatchSeesIsReadInTheEnd(t *testing.T) {
	g := newGround(t, func(g *ground) {
		g.write("config/config.yaml", g.config())
		g.write("far/away/1/default/token", "first")
		g.must(os.Symlink(g.path("far/away/link"), g.path("credentials")))
		g.must(os.Symlink(g.path("far/away/1"), g.path("far/away/link")))
		g.write("far/away/2/default/token", "second")
	})
	g.inUse("first")
	g.ticks <- testTime // taken once Run waits, so that what follows is seen by a tick alone
	g.must(os.Symlink(g.path("far/away/2"), g.path("far/away/link2")))
	g.must(os.Rename(g.path("far/away/link2"), g.path("far/away/link")))
	g.ticks <- testTime
	g.inUse("second")
}

func TestABrokenConfigurationLeavesTheLastGoodOneInUse(t *testing.T) {
	g := newGround(t, good)
	g.inUse("first")
	g.replace("config/config.yaml", g.config("region:", "regoin:"))
	if r := g.told("the mistake", func(r Reload) bool { return r.Err != nil }); !r.Kept || !strings.Contains(r.Err.Error(), `line 3: connections.default.regoin: unknown field; did you mean "region"?`) {
		t.Errorf("told as %+v", r)
	}
	g.holds("first")
	// Credentials are followed all the same.
	g.write("credentials/default/token", "second")
	g.inUse("second")
	g.replace("config/config.yaml", g.config())
	g.told("the repair", func(r Reload) bool { return r.Connection == "" && r.Err == nil })
	if s := g.c.Status(); s.Err() != nil || s.Good != 2 || s.Bad != 1 {
		t.Errorf("status %+v", s)
	}
}

func TestNewRulesHoldEvenIfTheCredentialIsBroken(t *testing.T) {
	g := newGround(t, good)
	g.inUse("first")
	g.write("credentials/default/token", "")
	g.broken("token is empty")
	g.write("config/config.yaml", g.config(`"shop", "team-*"`, `"shop"`))
	g.told("new rules", func(r Reload) bool { return r.Connection == "default" })
	g.holds("first")
	if g.c.Find("default").Grant("team-a", "web").Any() || !g.c.Find("default").Grant("shop", "web").Any() {
		t.Error("the new rules do not hold")
	}
}

func TestNarrowedRulesHoldWhileTheNewFolderIsNotThere(t *testing.T) {
	g := newGround(t, good)
	g.inUse("first")
	narrowed := strings.Replace(g.config("credentials/default", "credentials/later"), `"shop", "team-*"`, `"shop"`, 1)
	g.write("config/config.yaml", narrowed)
	g.told("the kept connection", func(r Reload) bool { return r.Connection == "default" && r.Kept })
	g.holds("first")
	if g.c.Find("default").Grant("team-a", "web").Any() || !g.c.Find("default").Grant("shop", "web").Any() {
		t.Error("who was taken out of the rules may still read, or who stayed may not")
	}
}

func TestWhatToDoInAnOutageHoldsAtOnce(t *testing.T) {
	g := newGround(t, good)
	g.inUse("first")
	const rbx = "  rbx:\n    region: eu-west-rbx\n    okmsId: 734b9b45-8b1a-469c-b140-b10bd6540017\n    credentialsDir: /nowhere\n" +
		"    allow: [{namespaces: [shop], serviceAccounts: ['*'], paths: ['**']}]\n"
	config := func(fields string, change ...string) {
		g.replace("config/config.yaml", strings.Replace(g.config(change...), "    allow:", fields+"    allow:", 1)+rbx)
	}
	holds := func(maxStale time.Duration, fallback string) {
		t.Helper()
		c := g.c.Find("default")
		if own, stated := c.OwnMaxStale(); own != maxStale || !stated || c.MaxStale(time.Minute) != maxStale || c.Fallback() != fallback {
			t.Errorf("maxStale %s (stated: %v), fallback %q; want %s and %q", own, stated, c.Fallback(), maxStale, fallback)
		}
	}
	config("    maxStale: 2h\n")
	g.told("a maxStale", func(r Reload) bool { return r.Connection == "default" && r.Err == nil })
	holds(2*time.Hour, "")
	config("    maxStale: 2h\n    fallback: rbx\n")
	g.told("a fallback", func(r Reload) bool { return r.Connection == "default" && r.Err == nil })
	holds(2*time.Hour, "rbx")
	config("    maxStale: 0s\n", "credentials/default", "credentials/later") // which is not there
	g.told("the kept connection", func(r Reload) bool { return r.Connection == "default" && r.Kept })
	g.holds("first")
	holds(0, "")
}

func TestACredentialNeverGoesToAPlaceItWasNotReadFor(t *testing.T) {
	g := newGround(t, good)
	g.inUse("first")
	g.write("credentials/default/token", "")
	g.broken("token is empty")
	g.write("config/config.yaml", g.config("region: eu-west-par", "endpoint: https://okms.example"))
	g.told("the configuration", func(r Reload) bool { return r.Connection == "" && r.Err == nil })
	g.holds("first")
	if at := g.c.Find("default").Place().Endpoint; at != "https://eu-west-par.okms.ovh.net" {
		t.Errorf("the old credential goes to %s", at)
	}
	g.write("credentials/default/token", "second")
	g.inUse("second")
	if at := g.c.Find("default").Place().Endpoint; at != "https://okms.example" {
		t.Errorf("the new credential goes to %s", at)
	}
}

func TestAConnectionThatIsTakenOutIsGoneAtOnce(t *testing.T) {
	g := newGround(t, good)
	g.inUse("first")
	g.write("config/config.yaml", "connections: {}\n")
	g.told("the removal", func(r Reload) bool { return r.Connection == "default" && r.Removed })
	if g.c.Find("default") != nil || g.c.Status().Err() != nil {
		t.Error("the connection is still there")
	}
}

func TestBrokenCredentialsAreToldOnceAndKeepTheLastGoodOne(t *testing.T) {
	cert, key := pki.Pair(t, testTime.Add(-time.Hour), testTime.Add(time.Hour))
	_, otherKey := pki.Pair(t, testTime.Add(-time.Hour), testTime.Add(time.Hour))
	oldCert, oldKey := pki.Pair(t, testTime.Add(-2*time.Hour), testTime.Add(-time.Hour))
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"nothing":                {nil, "no credential: neither token, nor tls.crt with tls.key, nor clientId with clientSecret"},
		"other files":            {map[string]string{"passwd": "x"}, `its keys are "passwd"`},
		"two kinds":              {map[string]string{credential.KeyToken: "x", credential.KeyCertificate: cert, credential.KeyPrivateKey: key}, "holds both a token and a certificate"},
		"three kinds":            {map[string]string{credential.KeyToken: "x", credential.KeyCertificate: cert, credential.KeyClientID: "y"}, "holds a token, a certificate and an OAuth2 client"},
		"certificate of another": {map[string]string{credential.KeyCertificate: cert, credential.KeyPrivateKey: otherKey}, "private key does not match public key"},
		"expired":                {map[string]string{credential.KeyCertificate: oldCert, credential.KeyPrivateKey: oldKey}, "expired on 2026-11-23T11:00:00Z"},
		"a key with a passphrase": {map[string]string{credential.KeyCertificate: cert, credential.KeyPrivateKey: "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"},
			"tls.key is protected by a passphrase; store the key without one"},
		"a token of two lines":     {map[string]string{credential.KeyToken: "a\nb"}, "write one line of printable ASCII"},
		"half a client":            {map[string]string{credential.KeyClientID: "a"}, "holds only one of clientId and clientSecret"},
		"a token URL in clear":     {map[string]string{credential.KeyClientID: "a", credential.KeyClientSecret: "b", credential.KeyTokenURL: "http://x.example/t"}, "tokenUrl: plain http is for loopback addresses only"},
		"a file that is too large": {map[string]string{credential.KeyToken: strings.Repeat("x", maxFile+1)}, "reading token: is larger than 1048576 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGround(t, good)
			g.inUse("first")
			// At once, or some would be good halfway.
			g.must(os.MkdirAll(g.path("credentials/new"), 0o700))
			for file, content := range c.files {
				g.write("credentials/new/"+file, content)
			}
			g.must(os.Rename(g.path("credentials/default"), g.path("old")))
			g.must(os.Rename(g.path("credentials/new"), g.path("credentials/default")))
			g.broken(c.want)
			g.holds("first")
			bad := g.c.Status().Connections[0].Bad
			g.ticks <- testTime
			g.ticks <- testTime // the first has been dealt with
			if again := g.c.Status().Connections[0].Bad; again != bad {
				t.Errorf("told %d times", again)
			}
		})
	}
}
