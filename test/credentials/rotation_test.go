// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"ovhcloud-csi-provider/provider/connections"
	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

// load starts mounts at an even pace.
type load struct {
	d     *harness.Daemon
	mount harness.Mount

	stop    chan struct{}
	running sync.WaitGroup

	mu      sync.Mutex
	begun   int
	under   map[int]bool // numbers of the mounts in progress
	done    int
	changed chan struct{}
	failed  []error
}

// aSecond is how many mounts begin in a second: few enough for five such loads while the tests of
// another package run. The tests measure time in mounts, which are as slow as the machine.
const aSecond = 30

// begin starts aSecond mounts a second until end. On a machine that cannot keep up, it starts none while
// two seconds' are in progress: more than a node may have would be refused.
func begin(t *testing.T, d *harness.Daemon, mount harness.Mount) *load {
	t.Helper()
	l := &load{d: d, mount: mount, stop: make(chan struct{}), under: map[int]bool{}, changed: make(chan struct{})}
	l.running.Go(func() {
		tick := time.NewTicker(time.Second / aSecond)
		defer tick.Stop()
		for {
			select {
			case <-l.stop:
				return
			case <-tick.C:
				if l.inProgress() < 2*aSecond {
					l.running.Go(func() { l.one(t) })
				}
			}
		}
	})
	return l
}

func (l *load) one(t *testing.T) {
	l.mu.Lock()
	number := l.begun
	l.begun++
	l.under[number] = true
	l.mu.Unlock()
	_, err := l.d.Do(t.Context(), l.mount)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.failed = append(l.failed, err)
	}
	delete(l.under, number)
	l.done++
	close(l.changed)
	l.changed = make(chan struct{})
}

// await waits until ok returns true. It calls ok with l locked.
func (l *load) await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	for {
		l.mu.Lock()
		is, changed := ok(), l.changed
		l.mu.Unlock()
		if is {
			return
		}
		select {
		case <-changed:
		case <-deadline.C:
			t.Fatalf("never: %s", what)
		}
	}
}

// more waits until that many more mounts have ended.
func (l *load) more(t *testing.T, n int) {
	t.Helper()
	l.mu.Lock()
	until := l.done + n
	l.mu.Unlock()
	l.await(t, "more mounts", func() bool { return l.done >= until })
}

// drained waits until the mounts that are under way now have ended.
func (l *load) drained(t *testing.T) {
	t.Helper()
	l.mu.Lock()
	last := l.begun
	l.mu.Unlock()
	l.await(t, "the end of the mounts in progress", func() bool {
		for number := range l.under {
			if number < last {
				return false
			}
		}
		return true
	})
}

// count returns how many mounts have begun.
func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.begun
}

// inProgress returns how many mounts have begun and not ended.
func (l *load) inProgress() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.under)
}

// end stops the load and reports the mounts that failed.
func (l *load) end(t *testing.T) {
	t.Helper()
	close(l.stop)
	l.running.Wait()
	for i, err := range l.failed {
		if i < 3 {
			t.Errorf("a mount failed: %v", err)
		}
	}
	if len(l.failed) > 0 {
		t.Errorf("%d of %d mounts failed", len(l.failed), l.begun)
	}
}

// rotating is a store with two identities, first and second, each with every kind of
// credential.
type rotating struct {
	store        *harness.Store
	certificates map[string]map[string]string
}

const (
	firstToken  = "eyJhbGciOiJFZERTQSJ9.planted.first"
	secondToken = "eyJhbGciOiJFZERTQSJ9.planted.second"
)

func newRotating(t *testing.T) *rotating {
	t.Helper()
	r := &rotating{store: harness.StartStore(t), certificates: map[string]map[string]string{}}
	r.store.Hold(t, map[string]string{"prod/shop/db": `{"a":"1"}`})
	for name, token := range map[string]string{"first": firstToken, "second": secondToken} {
		if err := r.store.AddToken(token, emulator.Identity{Name: name}); err != nil {
			t.Fatal(err)
		}
		cert, key, err := r.store.IssueCertificate(emulator.Identity{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		r.certificates[name] = map[string]string{"tls.crt": string(cert), "tls.key": string(key)}
	}
	return r
}

func (r *rotating) client(t *testing.T, secret, identity string) map[string]string {
	t.Helper()
	if err := r.store.AddClient(harness.ClientID, secret, emulator.Identity{Name: identity}); err != nil {
		t.Fatal(err)
	}
	return map[string]string{"clientId": harness.ClientID, "clientSecret": secret,
		"tokenUrl": r.store.URL + emulator.TokenPath}
}

// of returns a configuration with the connection team, whose credential is in folder.
func (r *rotating) of(folder string) string {
	return "connections:\n  team:\n" + r.store.Placed() + "    credentialsDir: ROOT/" + folder + "\n" + harness.TeamRules
}

// rotation is a change from the first identity to the second.
type rotation struct {
	// first returns the first credential.
	first func(t *testing.T, r *rotating) map[string]string
	// rotate replaces the first identity with the second.
	rotate func(t *testing.T, r *rotating, ids *harness.Identities)
	// revoke ends the first identity when it is no longer in use.
	revoke func(r *rotating)
}

func rotations() map[string]rotation {
	return map[string]rotation{
		"PAT": {
			func(*testing.T, *rotating) map[string]string { return map[string]string{"token": firstToken} },
			func(t *testing.T, _ *rotating, ids *harness.Identities) {
				ids.Credential(t, "team", map[string]string{"token": secondToken + "\n"})
			},
			func(r *rotating) { r.store.RevokeToken(firstToken) },
		},
		"certificate": {
			func(_ *testing.T, r *rotating) map[string]string { return r.certificates["first"] },
			func(t *testing.T, r *rotating, ids *harness.Identities) {
				ids.Credential(t, "team", r.certificates["second"])
			},
			func(*rotating) {},
		},
		"client secret": {
			func(t *testing.T, r *rotating) map[string]string { return r.client(t, "planted-secret-1", "first") },
			func(t *testing.T, r *rotating, ids *harness.Identities) {
				ids.Credential(t, "team", r.client(t, "planted-secret-2", "second"))
			},
			func(*rotating) {},
		},
		"from PAT to certificate": {
			func(*testing.T, *rotating) map[string]string { return map[string]string{"token": firstToken} },
			func(t *testing.T, r *rotating, ids *harness.Identities) {
				ids.Credential(t, "team", r.certificates["second"])
			},
			func(r *rotating) { r.store.RevokeToken(firstToken) },
		},
		"configuration": {
			func(*testing.T, *rotating) map[string]string { return map[string]string{"token": firstToken} },
			func(t *testing.T, r *rotating, ids *harness.Identities) {
				ids.Credential(t, "new", map[string]string{"token": secondToken})
				ids.Config(t, r.of("new"))
			},
			func(r *rotating) { r.store.RevokeToken(firstToken) },
		},
	}
}

func TestRotationUnderLoadFailsNoMountAndEndsTheUseOfTheOldCredential(t *testing.T) {
	t.Parallel()
	for name, c := range rotations() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRotating(t)
			ids := harness.NewIdentities(t, r.of("team"), map[string]map[string]string{"team": c.first(t, r)})
			d := harness.Start(t, harness.Options{Emulator: r.store, Connections: ids.Connections})
			l := begin(t, d, harness.OverConnection("team", "- secretPath: prod/shop/db", nil))
			l.more(t, 50)
			before, begun, change := ids.Reloads(), l.count(), time.Now()
			c.rotate(t, r, ids)
			ids.Await(t, before, func(r connections.Reload) bool { return r.Connection == "team" && r.Err == nil })
			if late := l.count() - begun; late > aSecond {
				t.Errorf("%d mounts began before the change was in use, more than a second's", late)
			}
			l.drained(t)
			lastOld := lastUse(r.store, "first").Sub(change)
			requests := r.store.Requests()
			c.revoke(r)
			r.store.ResetRequests()
			l.more(t, aSecond)
			l.end(t)
			if !lastUse(r.store, "first").IsZero() {
				t.Error("the old credential is still in use")
			}
			if lastUse(r.store, "second").IsZero() {
				t.Error("the new credential is not in use")
			}
			for _, request := range append(requests, r.store.Requests()...) {
				if request.Status == 401 {
					t.Errorf("%s was refused", request.URI) // a request with an old client secret has no identity
				}
			}
			t.Logf("%d mounts; the old credential was last used %s after the change", l.begun, lastOld)
		})
	}
}

func TestAChangeOfRulesAppliesAtOnce(t *testing.T) {
	t.Parallel()
	d, ids := harness.StartWithConnections(t)
	if _, err := d.Do(t.Context(), harness.OverConnection("team", "- secretPath: prod/shop/db", nil)); err != nil {
		t.Fatal(err)
	}
	before := ids.Reloads()
	ids.Config(t, strings.Replace(d.Store.TwoConnections(), "namespaces: [store]", "namespaces: [elsewhere]", 1))
	ids.Await(t, before, func(r connections.Reload) bool { return r.Connection == "team" && r.Err == nil })
	d.Store.ResetRequests()
	_, err := d.Do(t.Context(), harness.OverConnection("team", "- secretPath: prod/shop/db", nil))
	harness.WantError(t, err, codes.PermissionDenied, "may use")
	if n := len(d.Store.Requests()); n != 0 {
		t.Errorf("%d requests were made", n)
	}
}

// openSockets counts the open connections of a server.
type openSockets struct {
	mu      sync.Mutex
	open    map[net.Conn]bool
	changed chan struct{}
}

func (c *openSockets) track(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew:
		c.open[conn] = true
	case http.StateClosed:
		delete(c.open, conn)
	}
	close(c.changed)
	c.changed = make(chan struct{})
}

// gone waits until all of these connections are closed.
func (c *openSockets) gone(t *testing.T, old []net.Conn) {
	t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	for {
		c.mu.Lock()
		left := 0
		for _, conn := range old {
			if c.open[conn] {
				left++
			}
		}
		changed := c.changed
		c.mu.Unlock()
		if left == 0 {
			return
		}
		select {
		case <-changed:
		case <-deadline.C:
			t.Fatalf("%d connections of the old certificate are still open", left)
		}
	}
}

func TestConnectionsOfAnOldCertificateAreClosed(t *testing.T) {
	t.Parallel()
	r := newRotating(t)
	tracked := &openSockets{open: map[net.Conn]bool{}, changed: make(chan struct{})}
	front := httptest.NewUnstartedServer(r.store.Emulator)
	front.EnableHTTP2 = true
	front.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	front.Config.ConnState = tracked.track
	front.StartTLS()
	t.Cleanup(front.Close)
	r.store.Server.URL = front.URL
	r.store.Server.CA = pemOf(front.Certificate())
	ids := harness.NewIdentities(t, r.of("team"), map[string]map[string]string{"team": r.certificates["first"]})
	d := harness.Start(t, harness.Options{Emulator: r.store, Connections: ids.Connections})
	mount := harness.OverConnection("team", "- secretPath: prod/shop/db", nil)
	if _, err := d.Do(t.Context(), mount); err != nil {
		t.Fatal(err)
	}
	tracked.mu.Lock()
	var old []net.Conn
	for conn := range tracked.open {
		old = append(old, conn)
	}
	tracked.mu.Unlock()
	if len(old) == 0 {
		t.Fatal("no connection was kept, so the test proves nothing")
	}
	before := ids.Reloads()
	ids.Credential(t, "team", r.certificates["second"])
	ids.Await(t, before, func(r connections.Reload) bool { return r.Connection == "team" && r.Err == nil })
	if _, err := d.Do(t.Context(), mount); err != nil {
		t.Fatal(err)
	}
	tracked.gone(t, old)
}

// The first request of the mount hangs, at OKMS or at the token endpoint.
func TestAMountInProgressKeepsItsCredential(t *testing.T) {
	t.Parallel()
	r := newRotating(t)
	clients := map[string]map[string]string{}
	for _, name := range []string{"first", "second"} {
		if err := r.store.AddClient("EU."+name, "planted-secret", emulator.Identity{Name: name}); err != nil {
			t.Fatal(err)
		}
		clients[name] = map[string]string{"clientId": "EU." + name, "clientSecret": "planted-secret",
			"tokenUrl": r.store.URL + emulator.TokenPath}
	}
	for name, credentials := range map[string]map[string]map[string]string{"certificate": r.certificates,
		"OAuth2 client": clients} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ids := harness.NewIdentities(t, r.of("team"), map[string]map[string]string{"team": credentials["first"]})
			d := harness.Start(t, harness.Options{Emulator: r.store, Connections: ids.Connections})
			r.store.ResetRequests()
			repair := r.store.Break(t, emulator.Fault{Hang: true, Times: 1})
			mount := harness.OverConnection("team", "- secretPath: prod/shop/db", nil)
			ended := make(chan error, 1)
			go func() {
				_, err := d.Do(t.Context(), mount)
				ended <- err
			}()
			r.store.AwaitRequests(t, 1)
			before := ids.Reloads()
			ids.Credential(t, "team", credentials["second"])
			ids.Await(t, before, func(r connections.Reload) bool { return r.Connection == "team" && r.Err == nil })
			// This mount evicts the client that the first one uses.
			if _, err := d.Do(t.Context(), mount); err != nil {
				t.Fatal(err)
			}
			repair()
			if err := <-ended; err != nil {
				t.Errorf("the mount in progress failed: %v", err)
			}
			if lastUse(r.store, "first").IsZero() || lastUse(r.store, "second").IsZero() {
				t.Errorf("OKMS was asked by one of the two only: %+v", r.store.Requests())
			}
		})
	}
}

func pemOf(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}
