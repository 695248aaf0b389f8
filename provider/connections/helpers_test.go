// SPDX-License-Identifier: Apache-2.0

package connections

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/credential"
	"ovhcloud-csi-provider/provider/sensitive"
)

// goodConfig is a valid file with one connection and two rules.
const goodConfig = `connections:
  default:
    region: eu-west-par
    okmsId: 734b9b45-8b1a-469c-b140-b10bd6540017
    credentialsDir: /etc/ovhcloud-csi/credentials/default
    allow:
      - namespaces: ["shop", "team-*"]
        serviceAccounts: ["*"]
        paths: ["prod/shop/**"]
      - namespaces: [pay]
        serviceAccounts: [teller]
        paths: [prod/pay/card]
`

// testTime is the time of the clock in the tests of this package.
var testTime = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// ground is a file of connections and a credential folder on disk, and a set that watches them.
type ground struct {
	t       *testing.T
	root    string
	set     *Set
	ticks   chan time.Time
	reloads chan Reload
}

// newGround creates the folders and runs the set until the test ends. prepare fills the folders
// before the first read. No test of the ground waits for files to settle.
func newGround(t *testing.T, prepare func(g *ground)) *ground {
	t.Helper()
	g := &ground{t: t, root: t.TempDir(), ticks: make(chan time.Time), reloads: make(chan Reload, 1000)}
	prepare(g)
	g.set = Open(Options{
		File:     filepath.Join(g.root, "config", "config.yaml"),
		Now:      func() time.Time { return testTime },
		Notify:   func(r Reload) { g.reloads <- r },
		Ticks:    func() (<-chan time.Time, func()) { return g.ticks, func() {} },
		settling: settling{quiet: time.Microsecond, most: time.Millisecond},
	})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		g.set.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		select {
		case <-ended:
		case <-time.After(patience):
			t.Errorf("Run did not return within %s after its context was canceled", patience)
		}
	})
	return g
}

// write writes a file in place, and creates its folder if it is missing.
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

// replace writes another file and renames it to name, so that the set never reads half of it.
func (g *ground) replace(name, content string) {
	g.t.Helper()
	g.write(name+"~", content)
	g.must(os.Rename(g.path(name+"~"), g.path(name)))
}

// exchange replaces the credential folder by one with other files. All files change at once, since
// some of them would be valid alone.
func (g *ground) exchange(files map[string]string) {
	g.t.Helper()
	g.must(os.MkdirAll(g.path("credentials/new"), 0o700))
	for file, content := range files {
		g.write("credentials/new/"+file, content)
	}
	g.must(os.Rename(g.path("credentials/default"), g.path("old")))
	g.must(os.Rename(g.path("credentials/new"), g.path("credentials/default")))
}

// must fails the test if err is not nil.
func (g *ground) must(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

func (g *ground) path(name string) string { return filepath.Join(g.root, name) }

// config returns goodConfig with its credential folder below the root. change are pairs of old and
// new texts.
func (g *ground) config(change ...string) string {
	text := strings.Replace(goodConfig, "/etc/ovhcloud-csi/credentials", g.root+"/credentials", 1)
	return strings.NewReplacer(change...).Replace(text)
}

// patience is the limit of each wait of a test. Only a test that fails waits so long.
const patience = 20 * time.Second

// reported waits for a reload that satisfies ok.
func (g *ground) reported(what string, ok func(Reload) bool) Reload {
	g.t.Helper()
	var others []string
	deadline := time.After(patience)
	for {
		select {
		case r := <-g.reloads:
			if ok(r) {
				return r
			}
			others = append(others, fmt.Sprintf("%+v", r))
		case <-deadline:
			g.t.Fatalf("not reported within %s: %s; reported were\n%s", patience, what, strings.Join(others, "\n"))
		}
	}
}

// tick sends a tick. It returns when Run has received it, which is after the reload of the tick
// before.
func (g *ground) tick() {
	g.t.Helper()
	select {
	case g.ticks <- testTime:
	case <-time.After(patience):
		g.t.Fatalf("Run received no tick within %s", patience)
	}
}

// inUse waits until a token is that of the connection default.
func (g *ground) inUse(token string) {
	g.t.Helper()
	m := credential.Material{credential.KeyToken: sensitive.New([]byte(token))}
	c, _ := credential.Parse(m, `connection "default"`, testTime)
	g.reported(c.String()+" in use", func(r Reload) bool {
		return r.Connection == "default" && r.Err == nil && r.Credential == c.String()
	})
	g.holds(token)
}

// holds fails the test if another token is in use now.
func (g *ground) holds(token string) {
	g.t.Helper()
	connection := g.set.Find("default")
	if connection == nil {
		g.t.Fatal("the connection is missing")
	}
	if got, err := connection.Credential(); err != nil || string(got.Token().Reveal()) != token {
		g.t.Fatalf("in use is %v (error %v), want the token %q", got, err, token)
	}
}

// invalid waits until an error with these words is reported and in the status.
func (g *ground) invalid(words string) {
	g.t.Helper()
	g.reported(words, func(r Reload) bool { return r.Err != nil && strings.Contains(r.Err.Error(), words) })
	if err := g.set.Status().Err(); err == nil || !strings.Contains(err.Error(), words) {
		g.t.Errorf("the status has the error %v, want %s", err, words)
	}
}

// good writes a valid file and a credential, the token "first".
func good(g *ground) {
	g.write("config/config.yaml", g.config())
	g.write("credentials/default/token", "first\n")
}

// writeState writes clientId and clientSecret into a folder, both with the number of a state.
func writeState(dir string, state int) error {
	for _, key := range []string{credential.KeyClientID, credential.KeyClientSecret} {
		if err := os.WriteFile(filepath.Join(dir, key), fmt.Append(nil, state), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// wantOneState fails the test if clientId and clientSecret are of two states.
func wantOneState(t *testing.T, m credential.Material) {
	t.Helper()
	id, secret := string(m[credential.KeyClientID].Reveal()), string(m[credential.KeyClientSecret].Reveal())
	if id == "" || id != secret {
		t.Fatalf("clientId is of state %q, clientSecret of state %q", id, secret)
	}
}

// changeVolume changes a volume to the files of a state, as kubelet does, and deletes those of the
// state before.
func changeVolume(dir string, state int) error {
	name := fmt.Sprintf("..%d", state)
	if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
		return err
	}
	if err := writeState(filepath.Join(dir, name), state); err != nil {
		return err
	}
	if err := os.Symlink(name, filepath.Join(dir, "..data_tmp")); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, kubernetesData)); err != nil {
		return err
	}
	return os.RemoveAll(filepath.Join(dir, fmt.Sprintf("..%d", state-1)))
}

// replaceFolder makes root/credential a link to a new folder with the files of a state. It deletes
// no folder, so that none gets the inode of another.
func replaceFolder(root string, state int) error {
	created := filepath.Join(root, fmt.Sprint(state))
	if err := os.Mkdir(created, 0o700); err != nil {
		return err
	}
	if err := writeState(created, state); err != nil {
		return err
	}
	link := filepath.Join(root, "next")
	if err := os.Symlink(created, link); err != nil {
		return err
	}
	return os.Rename(link, filepath.Join(root, "credential"))
}
